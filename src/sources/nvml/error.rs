//! What can go wrong with NVML, and what to do about it.

use nvml_wrapper::error::NvmlError;

/// Why nothing could be read from NVML.
#[derive(Debug, thiserror::Error)]
pub enum NvmlReadError {
    /// The library is not there.
    #[error(
        "NVML cannot be opened as {library}: {cause}; it comes with NVIDIA's driver: run this on a node that has it (in a \
         container through NVIDIA's runtime, with NVIDIA_VISIBLE_DEVICES=all), or name the file with --nvml"
    )]
    Library {
        /// The path or name that was tried.
        library: String,
        /// Why.
        cause: String,
    },
    /// The library is there, the driver does not answer.
    #[error(
        "NVML in {library} does not start: {cause}; see on this node whether `nvidia-smi` works and the driver is loaded"
    )]
    Driver {
        /// The path or name that was opened.
        library: String,
        /// Why.
        cause: String,
    },
    /// It started, but does not tell what GPUs there are.
    #[error("NVML does not tell how many GPUs there are: {cause}; see whether `nvidia-smi` works on this node")]
    Count {
        /// Why.
        cause: String,
    },
    /// It answers no more.
    #[error(
        "NVML has not answered for {seconds} seconds; see in the kernel's log (Xid) whether a GPU on this node hangs"
    )]
    Silent {
        /// For how long.
        seconds: u64,
    },
}

impl NvmlReadError {
    /// What kept NVML from starting.
    pub(super) fn starting(library: &str, error: &NvmlError) -> Self {
        let library = library.to_owned();
        let cause = error.to_string();
        match error {
            NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound | NvmlError::FailedToLoadSymbol(_) => {
                Self::Library { library, cause }
            }
            _ => Self::Driver { library, cause },
        }
    }
}
