#include "peerd/base/url.h"

#include <criterion/criterion.h>

Test(url, may_be_handed_on) {
    static const struct {
        const char *text;
        bool absolute, file;
    } rows[] = {
        {"https://fra1.example/film/master.m3u8", true, true},
        {"http://127.0.0.1:8080/m.m3u8", true, true},
        {"https://[2001:db8::1]:443/m.m3u8", true, true},
        {"https://x/a%20b/m.m3u8", true, true},
        {"https://x", true, false},
        {"https://x/", true, false},
        {"https://x:443", true, false},
        {"https://x/m.m3u8?a=b", true, false},
        {"https://x/m.m3u8#a", true, false},
        {"https://x?a=/b", true, false},
        {"HTTPS://x/m", false, false},
        {"ftp://x/m", false, false},
        {"//x/m", false, false},
        {"/m", false, false},
        {"", false, false},
        {"https:///m", false, false},
        {"https://:80/m", false, false},
        {"https://u@x/m", false, false},
        {"https://x/u@v", true, true},
        {"https://x/a b", false, false},
        {"https://x/a\"b", false, false},
        {"https://x/a\nb", false, false},
        {"https://x/\xc3\xa4", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(url_is_absolute(rows[i].text), rows[i].absolute, "%s", rows[i].text);
        cr_expect_eq(url_is_file(rows[i].text), rows[i].file, "%s", rows[i].text);
    }
}

Test(url, a_file_lies_in_a_folder) {
    cr_expect_eq(url_folder_len("https://x/m.m3u8"), 10);
    cr_expect_eq(url_folder_len("https://x/film/a/m.m3u8"), 17);
}
