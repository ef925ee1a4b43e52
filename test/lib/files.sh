# Sourced by the checks: every file that belongs to the project, one a line.
# Git knows best; without it, or outside a clone, everything but the build's own output counts.
project_files() {
    if git ls-files >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard | while read -r file; do
            [ ! -f "$file" ] || echo "$file"
        done
    else
        find . -type f -not -path './build/*' -not -path './.git/*' \
            -not -name compile_commands.json | sed 's|^\./||'
    fi | LC_ALL=C sort
}
