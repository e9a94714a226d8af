//! What the release binary is loaded with: one room or several, paced packets or frames, few viewers or many.
//!
//! One publisher sends 250 packets/s of 1,200 B in each room unless a scenario says otherwise, without audio.

/// A server and a load.
#[derive(Debug)]
pub struct Scenario {
    /// For `--only` and as the row's name.
    pub name: &'static str,
    /// One line for people.
    pub what: &'static str,
    /// Further arguments of `plenum serve`.
    pub serve: &'static [&'static str],
    /// Further environment of it.
    pub environment: &'static [(&'static str, &'static str)],
    /// Further arguments of `plenum load`.
    pub load: &'static [&'static str],
    /// If not empty: packets/s of each publisher, of which the highest that loses next to nothing is taken.
    pub rates: &'static [u32],
}

const ONE_SHARD: &[&str] = &["--shards", "1"];
const SENDTO: &[(&str, &str)] = &[("PLENUM_NET_SEND", "sendto")];
/// With many viewers, decrypting what all of them get would cost the generator more than the server.
const FEW_CHECKED: &str = "0.02";

/// In the order in which they are run. What is compared stands together, since machines drift.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "paced-10",
        what: "10 viewers, paced",
        serve: ONE_SHARD,
        environment: &[],
        load: &["--viewers", "10"],
        rates: &[],
    },
    Scenario {
        name: "paced-50",
        what: "50 viewers, paced",
        serve: ONE_SHARD,
        environment: &[],
        load: &["--viewers", "50"],
        rates: &[],
    },
    Scenario {
        name: "paced-100",
        what: "100 viewers, paced",
        serve: ONE_SHARD,
        environment: &[],
        load: &["--viewers", "100"],
        rates: &[],
    },
    Scenario {
        name: "paced-100-sendto",
        what: "the same, a `sendto` per packet",
        serve: ONE_SHARD,
        environment: SENDTO,
        load: &["--viewers", "100"],
        rates: &[],
    },
    Scenario {
        name: "bursts-100",
        what: "100 viewers, bursts of 8",
        serve: ONE_SHARD,
        environment: &[],
        load: &["--viewers", "100", "--burst", "8"],
        rates: &[],
    },
    Scenario {
        name: "bursts-100-sendto",
        what: "the same, a `sendto` per packet",
        serve: ONE_SHARD,
        environment: SENDTO,
        load: &["--viewers", "100", "--burst", "8"],
        rates: &[],
    },
    Scenario {
        name: "bursts-100-two-shards",
        what: "the same, one room on two shards",
        serve: &["--shards", "2"],
        environment: &[("PLENUM_MEDIA__SPILL_AFTER", "50")],
        load: &["--viewers", "100", "--burst", "8"],
        rates: &[],
    },
    Scenario {
        name: "bursts-500",
        what: "500 viewers, bursts of 8",
        serve: ONE_SHARD,
        environment: &[],
        load: &["--viewers", "500", "--burst", "8", "--sample", FEW_CHECKED, "--join-rate", "100"],
        rates: &[],
    },
    Scenario {
        name: "bursts-500-sendto",
        what: "the same, a `sendto` per packet",
        serve: ONE_SHARD,
        environment: SENDTO,
        load: &["--viewers", "500", "--burst", "8", "--sample", FEW_CHECKED, "--join-rate", "100"],
        rates: &[],
    },
    Scenario {
        name: "saturation",
        what: "12 rooms of 100 viewers, bursts of 8, as fast as it goes",
        serve: ONE_SHARD,
        environment: &[],
        load: &[
            "--rooms",
            "12",
            "--viewers",
            "100",
            "--burst",
            "8",
            "--sample",
            FEW_CHECKED,
            "--join-rate",
            "100",
        ],
        rates: &[400, 350, 300, 250, 200, 150, 100, 75, 50],
    },
    Scenario {
        name: "idle-500",
        what: "500 viewers of a publisher that has fallen silent",
        serve: ONE_SHARD,
        environment: &[],
        load: &[
            "--viewers",
            "500",
            "--silent",
            "--video",
            "off",
            "--audio",
            "1pps,50B",
            "--sample",
            FEW_CHECKED,
            "--join-rate",
            "100",
        ],
        rates: &[],
    },
];

impl Scenario {
    /// The arguments of `plenum load` but for the server's address.
    pub fn load_arguments(&self, rate: Option<u32>, seconds: u32) -> Vec<String> {
        let mut arguments: Vec<String> = self.load.iter().map(|argument| (*argument).to_owned()).collect();
        if !self.load.contains(&"--video") {
            let rate = rate.unwrap_or(250);
            arguments.extend(["--video".into(), format!("{rate}pps,1200B"), "--audio".into(), "off".into()]);
        }
        arguments.extend(["--duration".into(), format!("{seconds}s")]);
        arguments
    }

    /// Viewers in all rooms together.
    pub fn viewers(&self) -> f64 {
        let number = |flag: &str| {
            let at = self.load.iter().position(|argument| *argument == flag)?;
            self.load.get(at + 1)?.parse::<f64>().ok()
        };
        number("--viewers").unwrap_or(1.0) * number("--rooms").unwrap_or(1.0)
    }
}
