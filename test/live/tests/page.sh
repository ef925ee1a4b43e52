# By itself: the status page in a real browser (test/browser/page); without its packages it is a skip.
exec bash test/browser/page
