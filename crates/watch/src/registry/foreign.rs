//! What the programs of others show, as far as alert rules and dashboards use it.

use super::{metrics, open};

metrics! {
    UP = Prometheus Gauge Truth "up" [open("job"), open("instance")]
        "1 if the last scrape of the target succeeded";
    SCRAPE_SECONDS = Prometheus Gauge Seconds "scrape_duration_seconds" [open("job"), open("instance")]
        "seconds that the last scrape of the target took";

    NODE_STACKS_TIP = Node Gauge Height "stacks_node_stacks_tip_height" []
        "the node's Stacks tip height";
    NODE_BURN_TIP = Node Gauge Height "stacks_node_burn_block_height" []
        "the node's burn tip height";
    NODE_INBOUND = Node Gauge Count "stacks_node_neighbors_inbound" []
        "peers that have connected to the node";
    NODE_OUTBOUND = Node Gauge Count "stacks_node_neighbors_outbound" []
        "peers that the node has connected to";
    NODE_ERRORS = Node Counter Count "stacks_node_errors_emitted_total" []
        "error lines that the node has logged";
    NODE_WARNINGS = Node Counter Count "stacks_node_warning_emitted_total" []
        "warning lines that the node has logged";

    SBTC_TRANSACTIONS = Sbtc Counter Count "transactions_submitted_total"
        [open("blockchain"), open("status"), open("kind")]
        "transactions that the sBTC signer submitted";
    SBTC_DEPOSITS_SWEPT = Sbtc Counter Count "deposits_swept_total" []
        "deposits that were swept";
    SBTC_BLOCKS = Sbtc Counter Count "blocks_observed_total" []
        "Bitcoin blocks that the sBTC signer has seen";
    SBTC_DEPOSIT_REQUESTS = Sbtc Counter Count "deposit_requests_total" [open("status")]
        "deposit requests, by what became of them";
    SBTC_ROUNDS = Sbtc Counter Count "signing_rounds_completed_total"
        [open("blockchain"), open("kind"), open("status")]
        "signing rounds that this signer coordinated and completed";
    SBTC_COORDINATOR_TENURES = Sbtc Counter Count "coordinator_tenures_total" []
        "times that this signer was the coordinator";
    SBTC_SIGN_REQUESTS = Sbtc Counter Count "sign_requests_total"
        [open("blockchain"), open("kind"), open("status")]
        "requests to sign, by the verdict on their sighash";
    SBTC_ROUND_SECONDS = Sbtc Histogram Seconds "signing_round_duration_seconds" []
        "seconds that signing rounds took";
    SBTC_VALIDATION_SECONDS = Sbtc Histogram Seconds "validation_duration_seconds" []
        "seconds that validations took";
    SBTC_PEERS = Sbtc Gauge Count "peers_connected" []
        "other sBTC signers that are connected";
    SBTC_BUILD = Sbtc Gauge Truth "build_info" []
        "1, with the build in its labels";

    HOST_DISK_FREE = Host Gauge Bytes "node_filesystem_avail_bytes" [open("mountpoint"), open("fstype")]
        "bytes that are free in a file system";
    HOST_DISK_SIZE = Host Gauge Bytes "node_filesystem_size_bytes" [open("mountpoint"), open("fstype")]
        "bytes that a file system has";
    HOST_MEMORY_FREE = Host Gauge Bytes "node_memory_MemAvailable_bytes" []
        "bytes of memory that programs can still have";
    HOST_MEMORY = Host Gauge Bytes "node_memory_MemTotal_bytes" []
        "bytes of memory";
    HOST_CLOCK_OFFSET = Host Gauge Seconds "node_timex_offset_seconds" []
        "seconds that the kernel still has to slew, never more than 0.5; 0 under chrony";
    HOST_TIME = Host Gauge Timestamp "node_time_seconds" []
        "the machine's clock when it was read";
    HOST_CLOCK_SYNCED = Host Gauge Truth "node_timex_sync_status" []
        "1 if the clock is kept right";
}
