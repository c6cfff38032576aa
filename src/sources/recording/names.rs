//! Pseudonyms that keep what judgement reads in a name, and nothing of what it says.
//!
//! A name is cut at everything that is neither letter nor digit, and each token gets one pseudonym, the same wherever it
//! stands: the pods of a Job still begin with the Job's name, a ReplicaSet still ends in the hash that its pods carry.
//! Numbers and timestamps are kept, so that runs and ordinals still count up. A pseudonym is of its token's kind (word,
//! random suffix, hexadecimal, mixed), because the kind is how runs of one job are told from different jobs. Pseudonyms
//! are counted out in the order of the sorted tokens. None is computed from its token, so that guessing a token and
//! computing its pseudonym proves nothing; their order is that of the tokens, no more.

use std::collections::{BTreeMap, BTreeSet};

/// What Kubernetes draws random suffixes and template hashes from (apimachinery, `util/rand`).
const SUFFIX_ALPHABET: &[u8] = b"2456789bcdfghjklmnpqrstvwxz";

/// Tokens of images and messages that name public software, registries and Kubernetes itself.
const PUBLIC: &str = "GPU MIG alpine amazonaws amd64 arm64 azure axolotl base beta cluster com cuda cudnn debian deepspeed dev devel \
    dkr docker dynamo ecr gcr ghcr gke google gpu gpus huggingface image images inference io jax jupyter jupyterhub k8s \
    karpenter kserve kubeflow kubernetes latest library lightning lmcache lmdeploy lmsysorg local megatron metrics mpi name \
    namespace nemo nightly nim node nodes notebook notebooks nvcr nvidia ollama onnxruntime openai org pkg pod pods \
    prometheus public py python pytorch quay ray rayproject registry rocm runtime rust scipy server serving sglang sh slim \
    spark svc tensorflow text generation tensorrt tensorrtllm tgi torch torchserve trainer trl triton tritonserver ubuntu \
    vllm";

/// A token's kind, with the length where the pseudonym must have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Word,
    Suffix(usize),
    Hexadecimal(usize),
    Mixed,
}

impl Kind {
    fn of(token: &str) -> Self {
        let length = token.len();
        let suffix = matches!(length, 5 | 8..=10) && token.bytes().all(|byte| SUFFIX_ALPHABET.contains(&byte));
        let digits = token.bytes().any(|byte| byte.is_ascii_digit());
        let letters = token.bytes().any(|byte| !byte.is_ascii_digit());
        let hexadecimal = token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match (letters, digits) {
            (true, _) if suffix => Self::Suffix(length),
            (true, true) if hexadecimal && length >= 4 => Self::Hexadecimal(length),
            (true, false) => Self::Word,
            _ => Self::Mixed,
        }
    }

    /// The pseudonym of this number; `None` where the numbers of this length are used up.
    fn pseudonym(self, number: usize) -> Option<String> {
        match self {
            Self::Word => Some(word(number)),
            Self::Mixed => Some(format!("x{number:04}")),
            Self::Hexadecimal(length) => {
                let text = format!("a{number:0width$x}", width = length - 1);
                (text.len() == length).then_some(text)
            }
            Self::Suffix(length) => suffix(number, length),
        }
    }
}

/// Syllables behind an `x`: it can be said and remembered, and has the vowels that a random suffix lacks.
fn word(number: usize) -> String {
    const CONSONANTS: &[u8] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8] = b"aeiou";
    let syllables = CONSONANTS.len() * VOWELS.len();
    let mut text = Vec::new();
    let mut rest = number;
    while rest > 0 || text.len() < 6 {
        let syllable = rest % syllables;
        text.push(VOWELS[syllable % VOWELS.len()]);
        text.push(CONSONANTS[syllable / VOWELS.len()]);
        rest /= syllables;
    }
    text.push(b'x');
    text.iter().rev().map(|&byte| char::from(byte)).collect()
}

fn suffix(number: usize, length: usize) -> Option<String> {
    let mut text = Vec::new();
    let mut rest = number;
    for _ in 1..length {
        text.push(SUFFIX_ALPHABET[rest % SUFFIX_ALPHABET.len()]);
        rest /= SUFFIX_ALPHABET.len();
    }
    text.push(b'x');
    (rest == 0).then(|| text.iter().rev().map(|&byte| char::from(byte)).collect())
}

/// How a text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// A name: numbers are kept.
    Name,
    /// A UID or a machine's name: numbers may be an address, and go too.
    Id,
    /// A container image: public software and versions are kept, a digest goes.
    Image,
    /// A sentence: what is a name elsewhere goes, and all that looks like an address.
    Prose,
}

/// The tokens that were met, and once all are known, their pseudonyms.
#[derive(Debug, Default)]
pub(super) struct Names {
    tokens: BTreeSet<String>,
    pseudonyms: BTreeMap<String, String>,
}

impl Names {
    /// Notes the tokens of a text.
    pub(super) fn collect(&mut self, text: Text, content: &str) {
        let tokens = &mut self.tokens;
        match text {
            Text::Prose => {
                for word in content.split_whitespace().filter(|word| is_address(word)) {
                    tokens.extend(replaced(Text::Id, word).map(str::to_owned));
                }
            }
            _ => tokens.extend(replaced(text, without_digest(text, content)).map(str::to_owned)),
        }
    }

    /// Gives every token that was noted its pseudonym, which is no token itself.
    pub(super) fn settle(&mut self) {
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        for token in &self.tokens {
            let kind = Kind::of(token);
            let pseudonym = self.next(kind, &mut counts);
            self.pseudonyms.insert(token.clone(), pseudonym);
        }
    }

    fn next(&self, kind: Kind, counts: &mut BTreeMap<Kind, usize>) -> String {
        loop {
            let count = counts.entry(kind).or_insert(0);
            let number = *count;
            *count += 1;
            let pseudonym = match kind.pseudonym(number) {
                Some(pseudonym) => pseudonym,
                None => return self.next(Kind::Mixed, counts),
            };
            if !self.tokens.contains(&pseudonym) && Kind::of(&pseudonym) == kind {
                return pseudonym;
            }
        }
    }

    /// The text under pseudonyms.
    pub(super) fn rename(&self, text: Text, content: &str) -> String {
        let Text::Prose = text else {
            return self.replace(without_digest(text, content), |token| is_replaced(text, token));
        };
        let words = content.split_inclusive(char::is_whitespace);
        words
            .map(|word| {
                let address = is_address(word);
                // Names of one or two letters are left in a sentence: they are its `a` and `of`.
                self.replace(word, |token| {
                    address && is_replaced(Text::Id, token) || token.len() > 2 && !is_public(token)
                })
            })
            .collect()
    }

    fn replace(&self, content: &str, replaced: impl Fn(&str) -> bool) -> String {
        pieces(content)
            .map(|piece| match self.pseudonyms.get(piece) {
                Some(pseudonym) if replaced(piece) => pseudonym.as_str(),
                _ => piece,
            })
            .collect()
    }
}

/// The runs of letters and digits, and what stands between them.
fn pieces(content: &str) -> impl Iterator<Item = &str> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let token = rest.chars().next()?.is_alphanumeric();
        let end = rest.find(|c: char| c.is_alphanumeric() != token).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

fn replaced(text: Text, content: &str) -> impl Iterator<Item = &str> {
    pieces(content).filter(move |piece| is_replaced(text, piece))
}

fn is_replaced(text: Text, piece: &str) -> bool {
    let token = piece.chars().all(char::is_alphanumeric);
    token
        && match text {
            Text::Name => !is_number(piece),
            Text::Id => !matches!(piece, "GPU" | "MIG"),
            Text::Image => !is_number(piece) && !is_version(piece) && !is_public(piece),
            Text::Prose => false,
        }
}

fn is_public(token: &str) -> bool {
    PUBLIC.split_ascii_whitespace().any(|public| public == token)
}

/// A number or a timestamp such as `20261120T093000Z`.
fn is_number(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_digit())
        && token
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b't' | b'T' | b'z' | b'Z'))
}

/// A version such as `v0` or `cu124`.
fn is_version(token: &str) -> bool {
    let digits = ["v", "cu", "cuda", "py", "rc", "post"]
        .iter()
        .find_map(|prefix| token.strip_prefix(prefix));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A word of a sentence that has inner punctuation as hosts, URLs and qualified names have; metric names and plain figures are none.
fn is_address(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let figure = !word.chars().any(char::is_alphabetic) && word.matches(['.', ':']).count() <= 1;
    let metric = word.contains('_') && !word.contains(['.', '/', '@']);
    let public = pieces(word).all(|piece| !piece.chars().all(char::is_alphanumeric) || is_public(piece));
    word.contains(['.', ':', '/', '@']) && !figure && !metric && !public
}

/// An image without its digest, by which a public image behind a private mirror could be told.
fn without_digest(text: Text, content: &str) -> &str {
    match text {
        Text::Image => content.split_once('@').map_or(content, |(image, _)| image),
        _ => content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(known: &[(Text, &str)]) -> Names {
        let mut names = Names::default();
        for (text, content) in known {
            names.collect(*text, content);
        }
        names.settle();
        names
    }

    #[test]
    fn a_pod_still_begins_with_its_owner_and_keeps_its_numbers() {
        let pod = "llama-train-28400-x7k2p";
        let names = names(&[(Text::Name, pod), (Text::Name, "llama-train-28400")]);
        let (pod, job) = (
            names.rename(Text::Name, pod),
            names.rename(Text::Name, "llama-train-28400"),
        );
        assert!(pod.starts_with(&format!("{job}-")), "{pod} of {job}");
        assert!(job.ends_with("-28400"), "{job}");
        assert_eq!(Kind::of(pod.rsplit('-').next().unwrap()), Kind::Suffix(5), "{pod}");
    }

    #[test]
    fn a_pseudonym_is_of_its_tokens_kind_and_never_a_token() {
        let known = ["llama", "xbabaa", "xbababa", "7d9f8b6c4", "3fa9c1", "v2", "x0000"];
        let names = names(&known.map(|token| (Text::Name, token)));
        for token in known {
            let pseudonym = names.rename(Text::Name, token);
            assert_eq!(Kind::of(&pseudonym), Kind::of(token), "{token} became {pseudonym}");
            assert!(!known.contains(&pseudonym.as_str()), "{token} became {pseudonym}");
        }
    }

    #[test]
    fn no_two_tokens_share_a_pseudonym() {
        let known: Vec<String> = (0..7000)
            .map(|n| {
                format!(
                    "{}-a{n:03x}-r{n}-{}",
                    word(n).replace('x', "q"),
                    suffix(n, 5).unwrap().replace('x', "z")
                )
            })
            .collect();
        let texts: Vec<(Text, &str)> = known.iter().map(|name| (Text::Name, name.as_str())).collect();
        let names = names(&texts);
        let pseudonyms: BTreeSet<&String> = names.pseudonyms.values().collect();
        assert_eq!(pseudonyms.len(), names.tokens.len());
    }

    #[test]
    fn an_address_keeps_no_number() {
        let names = names(&[(Text::Id, "ip-10-1-2-3.ec2.internal")]);
        let renamed = names.rename(Text::Id, "ip-10-1-2-3.ec2.internal");
        assert!(!renamed.contains("10") && !renamed.contains("ec2"), "{renamed}");
        let short = names.rename(Text::Id, "ip-10-1-2-3");
        assert!(renamed.starts_with(&format!("{short}.")), "{renamed} of {short}");
    }

    #[test]
    fn an_image_keeps_the_public_software_and_its_version() {
        let image = "registry.acme.internal/mirror/vllm/vllm-openai:v0.12.1-cu124@sha256:0123456789abcdef";
        let renamed = names(&[(Text::Image, image)]).rename(Text::Image, image);
        assert!(renamed.ends_with("/vllm/vllm-openai:v0.12.1-cu124"), "{renamed}");
        assert!(!renamed.contains("acme") && !renamed.contains("mirror"), "{renamed}");
    }

    #[test]
    fn a_sentence_keeps_its_words_and_loses_names_and_addresses() {
        let why = "http://prom.acme.internal:9090 refused: pods of research (10.0.0.7) lack vllm:num_requests_running in 1.5 h";
        let names = names(&[(Text::Prose, why), (Text::Name, "research")]);
        let renamed = names.rename(Text::Prose, why);
        for gone in ["acme", "9090", "research", "10.0"] {
            assert!(!renamed.contains(gone), "{renamed}");
        }
        for kept in ["refused: pods of ", "lack vllm:num_requests_running in 1.5 h"] {
            assert!(renamed.contains(kept), "{renamed}");
        }
    }
}
