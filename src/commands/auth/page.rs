//! What the browser shows in the end: a plain page, without a script or anything from elsewhere.

/// A page, with the status that it is sent with.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) html: String,
}

impl Page {
    /// It went well.
    pub(super) fn done(words: &str) -> Self {
        Self::new(200, "Authorized", words)
    }

    /// It came to nothing.
    pub(super) fn refused(words: &str) -> Self {
        Self::new(400, "Not authorized", words)
    }

    /// An address at which there is nothing.
    pub(super) fn not_found() -> Self {
        Self::new(404, "Nothing here", "zoom-archiver waits for an authorization at another address.")
    }

    /// A request that doesn't count.
    pub(super) fn ignored(words: &str) -> Self {
        Self::new(409, "Nothing to do", words)
    }

    fn new(status: u16, title: &str, words: &str) -> Self {
        let (title, words) = (escaped(title), escaped(&capitalized(words)));
        let html = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>zoom-archiver: {title}</title></head>\n\
             <body style=\"font-family: sans-serif; max-width: 40em; margin: 4em auto; line-height: 1.5\">\n\
             <h1>{title}</h1>\n<p>{words}</p>\n</body></html>\n"
        );
        Self { status, html }
    }
}

/// An error's words, as a sentence begins.
fn capitalized(words: &str) -> String {
    let mut rest = words.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l10_foreign_words_are_text_on_the_page() {
        let page = Page::refused("<script>alert(\"x\")</script> & more");
        assert!(page.html.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; more"), "{}", page.html);
    }
}
