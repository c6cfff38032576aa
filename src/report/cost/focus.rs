//! Costs in the columns of FOCUS, the FinOps Open Cost and Usage Specification, version 1.2: a line for each day, account and
//! kind of service, as CSV. What is not known of a column that may be null is left out; columns of our own begin with `x_`.

use std::collections::BTreeMap;

use serde_json::json;

use super::csv::text_cell;
use crate::finops::cost::{Books, Columns, Line, Names};

/// The columns, in this order.
const COLUMNS: [&str; 37] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
    "x_Column",
    "x_GpuModel",
    "x_Team",
];

/// The place of the column of what is idle.
const IDLE: usize = 6;

/// How each column of a report is called there: category, subcategory and name of the service.
const SERVICES: [[&str; 3]; Columns::COUNT] = [
    ["Compute", "Virtual Machines", "GPU"],
    ["Compute", "Virtual Machines", "GPU, held and unused"],
    ["Compute", "Virtual Machines", "CPU and memory"],
    ["Storage", "Block Storage", "Volumes"],
    ["Networking", "Other (Networking)", "Traffic and load balancers"],
    [
        "Management and Governance",
        "Other (Management and Governance)",
        "Control plane and shared",
    ],
    ["Compute", "Virtual Machines", "Idle capacity"],
];

/// The lines of a report.
///
/// # Errors
/// When it cannot be written as CSV.
pub fn focus(books: &Books<'_>, lines: &[Line<'_>]) -> Result<String, ::csv::Error> {
    let names = Names::new(books);
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for line in lines {
        for (at, amount) in line.columns.all().into_iter().enumerate() {
            if !amount.is_zero() {
                writer.write_record(record(books, &names, line, at))?;
            }
        }
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// When a charge's day and its month begin and end.
fn times(books: &Books<'_>, line: &Line<'_>) -> [(&'static str, String); 4] {
    let stamp = |at: jiff::Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let day = line.window.start.to_zoned(books.zone.clone());
    let month = day.first_of_month().and_then(|day| day.start_of_day());
    let next = month
        .as_ref()
        .ok()
        .and_then(|first| first.checked_add(jiff::Span::new().months(1)).ok());
    [
        (
            "BillingPeriodStart",
            stamp(month.map_or(line.window.start, |first| first.timestamp())),
        ),
        (
            "BillingPeriodEnd",
            stamp(next.map_or(line.window.end, |next| next.timestamp())),
        ),
        ("ChargePeriodStart", stamp(line.window.start)),
        ("ChargePeriodEnd", stamp(line.window.end)),
    ]
}

/// What it cost, as billed, and by the list where that is known.
fn costs(line: &Line<'_>, at: usize) -> [(&'static str, String); 5] {
    let own = line.columns.all()[at];
    let gpu = line.columns.gpu + line.columns.unused;
    // Of GPUs that a list has, the column's part of what they cost; of idle ones all.
    let list = match line.list {
        Some(list) if at < 2 && !gpu.is_zero() => list.times(own.get() / gpu.get()),
        Some(list) if at == IDLE && !line.idle_gpu.is_zero() => list + (own - line.idle_gpu),
        _ => own,
    };
    let cost = own.get().to_string();
    [
        ("BilledCost", cost.clone()),
        ("ContractedCost", cost.clone()),
        ("EffectiveCost", cost),
        ("ListCost", list.get().to_string()),
        (
            "ChargeCategory",
            if own.is_negative() { "Credit" } else { "Usage" }.to_owned(),
        ),
    ]
}

/// GPU hours of the column; of anything else no quantity is told.
fn quantity(line: &Line<'_>, at: usize) -> Vec<(&'static str, String)> {
    let busy = line.busy_gpu_hours;
    let hours = match at {
        0 => busy.unwrap_or(line.gpu_hours),
        1 => line.gpu_hours - busy.unwrap_or(line.gpu_hours),
        _ => 0.0,
    };
    if hours <= 0.0 {
        return Vec::new();
    }
    let (hours, unit) = (hours.to_string(), "GPU-Hours".to_owned());
    vec![
        ("ConsumedQuantity", hours.clone()),
        ("ConsumedUnit", unit.clone()),
        ("PricingQuantity", hours),
        ("PricingUnit", unit),
    ]
}

/// What was charged, and whose it is.
fn subject(books: &Books<'_>, names: &Names<'_>, line: &Line<'_>, at: usize) -> Vec<(&'static str, String)> {
    let account = line.account;
    let node = account.node.as_deref();
    let [category, subcategory, service] = SERVICES[at];
    let resource = match (&account.namespace, &account.controller) {
        (Some(namespace), Some(name)) => Some(format!("{namespace}/{name}")),
        (_, Some(name)) => Some(name.clone()),
        _ => account.node.clone(),
    };
    let of = resource.as_deref().map_or_else(String::new, |of| format!(" of {of}"));
    let region = node.and_then(|node| books.ledger.nodes.get(node)?.region.clone());
    let tags = serde_json::Value::from_iter(account.labels.iter().map(|(name, value)| (name.clone(), json!(value))));
    let known = [
        ("ChargeDescription", Some(format!("{service}{of}"))),
        ("RegionId", region.clone()),
        ("RegionName", region),
        ("ResourceId", resource.clone()),
        ("ResourceName", resource),
        ("ResourceType", account.kind.clone()),
        (
            "SkuId",
            node.and_then(|node| names.instance_type(node)).map(str::to_owned),
        ),
        ("SubAccountId", account.namespace.clone()),
        ("SubAccountName", account.namespace.clone()),
        ("x_GpuModel", names.gpu(account, line.workload).filter(|_| at < 2)),
        ("x_Team", names.team(account, line.workload)),
    ];
    let fixed = [
        ("ServiceCategory", category),
        ("ServiceName", service),
        ("ServiceSubcategory", subcategory),
        ("x_Column", Columns::NAMES[at]),
        ("ChargeFrequency", "Usage-Based"),
    ];
    let known = known
        .into_iter()
        .filter_map(|(name, text)| Some((name, text_cell(&text?))));
    let fixed = fixed.into_iter().map(|(name, text)| (name, text.to_owned()));
    known.chain(fixed).chain([("Tags", tags.to_string())]).collect()
}

fn record(books: &Books<'_>, names: &Names<'_>, line: &Line<'_>, at: usize) -> Vec<String> {
    let cluster = text_cell(&names.cluster());
    let issuer = books.ledger.told_by.name().to_owned();
    let mut cells: BTreeMap<&str, String> = BTreeMap::from([
        ("BillingAccountId", cluster.clone()),
        ("BillingAccountName", cluster),
        ("BillingCurrency", text_cell(&books.plan.currency)),
        ("InvoiceIssuerName", issuer.clone()),
        ("ProviderName", issuer.clone()),
        ("PublisherName", issuer),
    ]);
    cells.extend(times(books, line));
    cells.extend(costs(line, at));
    cells.extend(quantity(line, at));
    cells.extend(subject(books, names, line, at));
    COLUMNS
        .iter()
        .map(|name| cells.remove(name).unwrap_or_default())
        .collect()
}
