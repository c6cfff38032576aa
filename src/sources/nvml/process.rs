//! From a process to the UID of its pod, by its control group.

/// The UID of the pod that this process (a number as `/proc` here knows it) runs in, where it can be told.
pub(super) fn pod_uid(pid: u32) -> Option<String> {
    pod_of(&std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?)
}

/// The pod's UID in the text of `/proc/PID/cgroup`: `…/pod<uid>/…` where the kubelet names groups itself (cgroupfs),
/// `…-pod<uid with underscores>.slice/…` where systemd does. Versions of cgroups and container runtimes differ only around
/// it. The UID of a static pod is a hash without dashes.
fn pod_of(cgroup: &str) -> Option<String> {
    let parts = cgroup
        .lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .flat_map(|path| path.split('/'));
    let uid = |part: &str| {
        let uid = match part.strip_suffix(".slice") {
            Some(slice) => slice.rsplit_once("-pod")?.1.replace('_', "-"),
            None => part.strip_prefix("pod")?.to_owned(),
        };
        let digits = uid.chars().filter(char::is_ascii_hexdigit).count();
        (digits == 32 && uid.chars().all(|c| c.is_ascii_hexdigit() || c == '-')).then_some(uid)
    };
    parts.filter_map(uid).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_told_from_every_shape_of_control_group() {
        let uid = "1f2e3d4c-aaaa-bbbb-cccc-0123456789ab";
        for text in [
            "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1f2e3d4c_aaaa_bbbb_cccc_0123456789ab.slice/cri-containerd-0a1b.scope\n",
            "0::/kubepods.slice/kubepods-pod1f2e3d4c_aaaa_bbbb_cccc_0123456789ab.slice/crio-0a1b.scope/container\n",
            "0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod1f2e3d4c_aaaa_bbbb_cccc_0123456789ab.slice/cri-containerd-0a1b.scope\n",
            "0::/kubepods/besteffort/pod1f2e3d4c-aaaa-bbbb-cccc-0123456789ab/0a1b\n",
            "12:pids:/kubepods/pod1f2e3d4c-aaaa-bbbb-cccc-0123456789ab/0a1b\n1:name=systemd:/kubepods/pod1f2e3d4c-aaaa-bbbb-cccc-0123456789ab/0a1b\n",
            "0::/../../kubepods-burstable-pod1f2e3d4c_aaaa_bbbb_cccc_0123456789ab.slice/cri-containerd-0a1b.scope\n",
        ] {
            assert_eq!(pod_of(text).as_deref(), Some(uid), "{text}");
        }
        let fixed = "0::/kubepods/burstable/pod0123456789abcdef0123456789abcdef/0a1b\n";
        assert_eq!(pod_of(fixed).as_deref(), Some("0123456789abcdef0123456789abcdef"));
    }

    #[test]
    fn a_process_of_the_host_has_no_pod() {
        for text in [
            "0::/\n",
            "0::/system.slice/podman.service\n",
            "0::/user.slice/podium/x\n",
            "",
            "garbage",
        ] {
            assert_eq!(pod_of(text), None, "{text}");
        }
    }
}
