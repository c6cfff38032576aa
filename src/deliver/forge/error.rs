//! What can go wrong between us and a repository: what was tried, where, what was said, and what to do next.

use crate::sources::endpoint::EndpointError;

/// Why something could not be read or written. `what` completes "cannot"; `place` names repository and server.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// The server's address, login or certificate.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A login that no such server takes.
    #[error("{place} takes a token; {given} is none")]
    Login {
        /// The server.
        place: String,
        /// What was given instead.
        given: &'static str,
    },
    /// The repository's name.
    #[error("`{given}` names no repository; give it as {form}")]
    Repository {
        /// As it was given.
        given: String,
        /// How it is written.
        form: &'static str,
    },
    /// There is no such branch to merge to.
    #[error("{place} has no branch `{branch}`; name the branch to merge to")]
    NoBase {
        /// Where.
        place: String,
        /// Which.
        branch: String,
    },
    /// Nobody answers.
    #[error("cannot {what} in {place}: {cause}; check the address, the network and the proxy, and run again")]
    Unreachable {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// Why.
        cause: String,
    },
    /// It has another name by now.
    #[error("cannot {what} in {place}: it has moved to {to}; give it by its new name")]
    Moved {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// Where to.
        to: String,
    },
    /// The token is not taken.
    #[error(
        "cannot {what} in {place}: the token is not accepted (401: {said}); it has expired, was revoked or belongs to \
         another server: make a new one"
    )]
    Unauthorized {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// In the server's words.
        said: String,
    },
    /// The token may not.
    #[error("cannot {what} in {place}: not permitted ({status}: {said}); the token needs {rights}")]
    Forbidden {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// The HTTP status.
        status: u16,
        /// In the server's words.
        said: String,
        /// What would do.
        rights: &'static str,
    },
    /// A rule of the repository is in the way.
    #[error(
        "cannot {what} in {place}: a rule protects the branch ({status}: {said}); let the owner of the token push to \
         branches that begin with `gpuwise/`, or leave them out of the rule"
    )]
    Protected {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// The HTTP status.
        status: u16,
        /// In the server's words.
        said: String,
    },
    /// It is not there, or not for us.
    #[error(
        "cannot {what} in {place}: not found (404: {said}); check the name, and that the token may see it: servers say 404 \
         for what a token has no right to, and it needs {rights}"
    )]
    NotFound {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// In the server's words.
        said: String,
        /// What would do.
        rights: &'static str,
    },
    /// Too much was asked.
    #[error("cannot {what} in {place}: too many requests ({status}: {said}); run again {when}")]
    Busy {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// The HTTP status.
        status: u16,
        /// In the server's words.
        said: String,
        /// When it will be let in.
        when: String,
    },
    /// Somebody else was faster, or what is asked for is there.
    #[error(
        "cannot {what} in {place}: it conflicts with what is there ({status}: {said}); run again, which reads it anew"
    )]
    Conflict {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// The HTTP status.
        status: u16,
        /// In the server's words.
        said: String,
    },
    /// The request is understood and refused.
    #[error("cannot {what} in {place}: refused ({status}: {said}); mend what it names, and run again")]
    Refused {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// The HTTP status.
        status: u16,
        /// In the server's words.
        said: String,
    },
    /// The server is in trouble.
    #[error(
        "cannot {what} in {place}: the server failed ({status}: {said}); run again later, which finishes what was begun"
    )]
    Server {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// The HTTP status.
        status: u16,
        /// In the server's words.
        said: String,
    },
    /// The answer is not what such a server gives.
    #[error(
        "cannot {what} in {place}: the answer cannot be read ({cause}); check that the address is that of the API and that \
         no login page stands before it"
    )]
    Unreadable {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// What is wrong with it.
        cause: String,
    },
    /// There is more than we are willing to read.
    #[error("cannot {what} in {place}: there are more than {most}; give a narrower prefix or clean up")]
    TooMany {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// The limit, with its unit.
        most: String,
    },
    /// The `git` program is not there.
    #[error("cannot {what} in {place}: the program `git` cannot be run ({cause}); install it")]
    NoGit {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The `git` program refuses.
    #[error("cannot {what} in {place}: git says: {said}; {fix}")]
    Git {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// In its own words.
        said: String,
        /// What to do.
        fix: &'static str,
    },
    /// The branch is being worked on.
    #[error(
        "cannot {what} in {place}: the branch is checked out in {folder}, and would change under it; check out another there"
    )]
    CheckedOut {
        /// The deed.
        what: String,
        /// Where.
        place: String,
        /// The work tree.
        folder: String,
    },
}

impl ForgeError {
    /// Whether the next request would fare no better.
    pub(super) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Moved { .. }
                | Self::Unauthorized { .. }
                | Self::Busy { .. }
                | Self::NoGit { .. }
        )
    }
}
