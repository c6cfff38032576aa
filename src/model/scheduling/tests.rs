//! The scheduler's rules, each as Kubernetes documents it.

use super::*;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn requirement(key: &str, operator: &str, values: &[&str]) -> Requirement {
    Requirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

#[test]
fn a_node_must_have_the_labels_that_are_selected() {
    let node = labels(&[("gpu", "a100"), ("memory", "80"), (ZONE, "a")]);
    let lets = |scheduling: Scheduling| scheduling.lets_onto("n1", &node, &[]);
    let selector = |pairs: &[(&str, &str)]| Scheduling {
        node_selector: labels(pairs),
        ..Scheduling::default()
    };
    assert!(lets(Scheduling::default()) && lets(selector(&[("gpu", "a100")])));
    assert!(!lets(selector(&[("gpu", "h100")])) && !lets(selector(&[("disk", "ssd")])));
    let affinity = |terms: &[&[Requirement]]| Scheduling {
        node_affinity: terms
            .iter()
            .map(|term| NodeTerm {
                labels: term.to_vec(),
                fields: Vec::new(),
            })
            .collect(),
        ..Scheduling::default()
    };
    let (a, b) = (requirement(ZONE, "In", &["a"]), requirement(ZONE, "In", &["b"]));
    assert!(lets(affinity(&[std::slice::from_ref(&a)])) && !lets(affinity(&[std::slice::from_ref(&b)])));
    assert!(
        lets(affinity(&[std::slice::from_ref(&b), std::slice::from_ref(&a)])),
        "one of the terms is enough"
    );
    assert!(!lets(affinity(&[&[a, b]])), "of a term all must hold");
    assert!(!lets(affinity(&[&[]])), "a term that asks for nothing matches nothing");
    let number = |operator: &str, value: &str| affinity(&[&[requirement("memory", operator, &[value])]]);
    assert!(lets(number("Gt", "40")) && !lets(number("Gt", "80")) && lets(number("Lt", "81")));
    assert!(!lets(number("Gt", "much")) && !lets(affinity(&[&[requirement("cores", "Gt", &["1"])]])));
    let by_name = |name: &str| Scheduling {
        node_affinity: vec![NodeTerm {
            labels: Vec::new(),
            fields: vec![requirement("metadata.name", "In", &[name])],
        }],
        ..Scheduling::default()
    };
    assert!(lets(by_name("n1")) && !lets(by_name("n2")));
}

#[test]
fn a_taint_keeps_away_who_does_not_bear_it() {
    let lets = |toleration: Option<Toleration>, taint: &str| {
        let scheduling = Scheduling {
            tolerations: toleration.into_iter().collect(),
            ..Scheduling::default()
        };
        scheduling.lets_onto("n", &Labels::new(), &[taint.to_owned()])
    };
    let bears = |key: &str, exists: bool, value: &str, effect: &str| {
        Some(Toleration {
            key: key.to_owned(),
            exists,
            value: value.to_owned(),
            effect: effect.to_owned(),
        })
    };
    assert!(!lets(None, "gpu=true:NoSchedule") && !lets(None, "gpu:NoExecute"));
    assert!(lets(None, "gpu=true:PreferNoSchedule"), "what is only to be avoided");
    assert!(lets(bears("gpu", true, "", ""), "gpu=true:NoSchedule"));
    assert!(
        lets(bears("", true, "", ""), "anything:NoExecute"),
        "a key is not needed where any will do"
    );
    assert!(lets(bears("gpu", false, "true", "NoSchedule"), "gpu=true:NoSchedule"));
    assert!(!lets(bears("gpu", false, "no", "NoSchedule"), "gpu=true:NoSchedule"));
    assert!(!lets(bears("gpu", true, "", "NoSchedule"), "gpu:NoExecute"));
    assert!(!lets(bears("other", true, "", ""), "gpu:NoSchedule"));
}

fn term(key: &str, app: &str) -> PodTerm {
    PodTerm {
        topology_key: key.to_owned(),
        match_labels: labels(&[("app", app)]),
        ..PodTerm::default()
    }
}

#[test]
fn pods_that_keep_apart_are_not_put_on_one_node() {
    let (chat, rank) = (labels(&[("app", "chat")]), labels(&[("app", "rank")]));
    let (free, apart) = (
        Scheduling::default(),
        Scheduling {
            apart: vec![term(HOSTNAME, "chat")],
            ..Scheduling::default()
        },
    );
    struct Pod(&'static str, Scheduling);
    let of = |namespace: &'static str, labels: &Labels, scheduling: &Scheduling| {
        let labels = labels.clone();
        Pod(
            namespace,
            Scheduling {
                labels,
                ..scheduling.clone()
            },
        )
    };
    impl Pod {
        fn bears(&self, other: Self) -> bool {
            let of = |pod: &Self| (pod.0, pod.1.clone());
            let ((namespace, one), (elsewhere, two)) = (of(self), of(&other));
            let this = Neighbour {
                namespace,
                scheduling: &one,
            };
            this.bears(Neighbour {
                namespace: elsewhere,
                scheduling: &two,
            })
        }
    }
    let strict = || of("ml", &chat, &apart);
    assert!(
        !strict().bears(of("ml", &chat, &free)) && !of("ml", &chat, &free).bears(strict()),
        "it goes both ways"
    );
    assert!(strict().bears(of("ml", &rank, &free)) && strict().bears(of("other", &chat, &free)));
    let everywhere = Scheduling {
        apart: vec![PodTerm {
            namespaces: vec!["*".to_owned()],
            ..term(HOSTNAME, "chat")
        }],
        ..Scheduling::default()
    };
    assert!(!of("ml", &chat, &everywhere).bears(of("other", &chat, &free)));
    let zones = Scheduling {
        apart: vec![term(ZONE, "chat")],
        spread: vec![term("rack", "chat")],
        ..Scheduling::default()
    };
    assert!(
        of("ml", &chat, &zones).bears(of("ml", &chat, &zones)),
        "within a zone nothing changes"
    );
    assert_eq!(zones.keeps().collect::<Vec<_>>(), ["rack", ZONE]);
    let port = Scheduling {
        host_ports: vec![8000],
        ..Scheduling::default()
    };
    assert!(
        !of("ml", &chat, &port).bears(of("ml", &rank, &port)) && of("ml", &chat, &port).bears(of("ml", &rank, &free))
    );
}

#[test]
fn a_volume_stays_in_its_zone_and_a_neighbour_on_its_node() {
    let claims = Scheduling {
        claims: true,
        ..Scheduling::default()
    };
    assert_eq!(claims.keeps().collect::<Vec<_>>(), [ZONE]);
    let beside = |key: &str| Scheduling {
        beside: vec![term(key, "cache")],
        ..Scheduling::default()
    };
    assert!(beside(HOSTNAME).stays() && !beside(ZONE).stays());
    assert_eq!(beside(ZONE).keeps().collect::<Vec<_>>(), [ZONE]);
}
