//! Costs in the columns of FOCUS, the FinOps Open Cost and Usage Specification, version 1.2: a line for each day, account and
//! kind of service, as CSV. What is not known of a column that may be null is left out; columns of our own begin with `x_`.

use serde_json::json;

use super::csv::text_cell;
use crate::finops::cost::{Books, Columns, Line, Names};
use crate::model::ledger::Holder;

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

fn record(books: &Books<'_>, names: &Names<'_>, line: &Line<'_>, at: usize) -> Vec<String> {
    let account = line.account;
    let stamp = |at: jiff::Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let month = line
        .window
        .start
        .to_zoned(books.zone.clone())
        .first_of_month()
        .and_then(|day| day.start_of_day());
    let next = month
        .as_ref()
        .ok()
        .and_then(|first| first.checked_add(jiff::Span::new().months(1)).ok());
    let month = month.map_or(line.window.start, |first| first.timestamp());
    let next = next.map_or(line.window.end, |next| next.timestamp());
    let cost = line.columns.all()[at].get();
    let cluster = names.cluster();
    let some = |text: Option<String>| text.map_or_else(String::new, |text| text_cell(&text));
    let node = account.node.as_deref();
    let region = node.and_then(|node| books.ledger.nodes.get(node)?.region.clone());
    let kind = node.and_then(|node| names.instance_type(node)).map(str::to_owned);
    let is_gpu = at < 2;
    let hours = if at == 0 {
        line.busy_gpu_hours.unwrap_or(line.gpu_hours)
    } else {
        line.gpu_hours - line.busy_gpu_hours.unwrap_or(0.0)
    };
    let quantity = if is_gpu && line.gpu_hours > 0.0 {
        (hours.to_string(), "GPU-Hours".to_owned())
    } else {
        (String::new(), String::new())
    };
    let [category, subcategory, service] = SERVICES[at];
    let tags = serde_json::Value::from_iter(account.labels.iter().map(|(name, value)| (name.clone(), json!(value))));
    let resource = match (&account.namespace, &account.controller) {
        (Some(namespace), Some(name)) => Some(format!("{namespace}/{name}")),
        (_, Some(name)) => Some(name.clone()),
        _ => account.node.clone(),
    };
    let cost = cost.to_string();
    // Of a GPU that a list has, its part by the line's share of the held ones.
    let list = line.list.filter(|_| is_gpu).map(|list| {
        let gpu = line.columns.gpu + line.columns.unused;
        let share = if gpu.is_zero() {
            0.0
        } else {
            line.columns.all()[at].get() / gpu.get()
        };
        list.times(share).get().to_string()
    });
    let issuer = books.ledger.told_by.name().to_owned();
    let class = if account.holder == Holder::Assets {
        "Correction"
    } else {
        ""
    };
    vec![
        cost.clone(),
        text_cell(&cluster),
        text_cell(&cluster),
        text_cell(&books.plan.currency),
        stamp(next),
        stamp(month),
        if cost.starts_with('-') { "Credit" } else { "Usage" }.to_owned(),
        class.to_owned(),
        text_cell(&format!(
            "{service}{}",
            resource.as_deref().map_or(String::new(), |of| format!(" of {of}"))
        )),
        "Usage-Based".to_owned(),
        stamp(line.window.end),
        stamp(line.window.start),
        quantity.0.clone(),
        quantity.1.clone(),
        cost.clone(),
        cost.clone(),
        issuer.clone(),
        list.unwrap_or(cost),
        quantity.0,
        quantity.1,
        issuer.clone(),
        issuer,
        some(region.clone()),
        some(region),
        some(resource.clone()),
        some(resource),
        some(account.kind.clone()),
        category.to_owned(),
        service.to_owned(),
        subcategory.to_owned(),
        some(kind),
        some(account.namespace.clone()),
        some(account.namespace.clone()),
        tags.to_string(),
        Columns::NAMES[at].to_owned(),
        some(names.gpu(account, line.workload).filter(|_| is_gpu)),
        some(names.team(account, line.workload)),
    ]
}
