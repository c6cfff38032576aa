//! OpenCost and Kubecost: what nodes, volumes and traffic cost.

#[cfg(test)]
pub(crate) mod loopback;
