# By itself: unmodified web players over HTTPS, in a real browser (test/browser/players); without its
# packages it is a skip.
exec bash test/browser/players
