//! How long logs are kept (rows A4 and C7): in the journal, where everything logs, and in files of proxies.

use crate::rendered::Rendered;

use super::{HEAD, View, fixed};

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let logs = view.site.logs;
    // What a file of the journal holds is dropped together, a day at a time.
    let journal = format!(
        "{HEAD}[Journal]\nStorage=persistent\nMaxRetentionSec={}day\nMaxFileSec=1day\n\
         SystemMaxUse={}G\nRateLimitIntervalSec=30s\nRateLimitBurst=100000\n",
        logs.retention_days + 1,
        logs.max_disk_gb,
    );
    let rotation = format!(
        "{HEAD}/var/log/countersign/*.log /var/log/nginx/countersign-*.log {{\n    daily\n    rotate {0}\n    \
         maxage {0}\n    missingok\n    notifempty\n    compress\n    delaycompress\n    dateext\n    \
         copytruncate\n}}\n",
        logs.retention_days + 1,
    );
    vec![
        Rendered::public(fixed("/etc/systemd/journald.conf.d/50-countersign.conf"), journal),
        Rendered::public(fixed("/etc/logrotate.d/countersign"), rotation),
    ]
}
