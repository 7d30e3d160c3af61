//! `countersign vault explain-permissions`: who may ask for what, and why.

use std::fmt;

use countersign_vault::ipc::RequestKind;
use serde::Serialize;

use crate::caller::{Caller, Callers};

/// Who may ask for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// One entry for each caller.
    pub callers: Vec<ExplainedCaller>,
    /// What every other user may ask for.
    pub everybody_else: &'static str,
    /// What nobody can ask for, because the protocol has no such request.
    pub not_offered: [&'static str; 2],
}

/// What one user may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedCaller {
    /// The user, as the configuration or the question names it.
    pub user: String,
    /// Its number, if it is a caller.
    pub uid: Option<u32>,
    /// Each request.
    pub requests: Vec<ExplainedRequest>,
}

/// Whether one request is permitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedRequest {
    /// Its name.
    pub request: &'static str,
    /// Whether it is permitted.
    pub allowed: bool,
    /// Why, or why not.
    pub why: String,
}

/// Explains every caller, or the one that is named. A user that is no caller may ask for nothing.
pub fn explain(callers: &Callers, user: Option<&str>) -> Explanation {
    let is_asked_for = |caller: &&Caller| match user {
        Some(user) => caller.user == user || caller.uid.to_string() == user,
        None => true,
    };
    let mut explained: Vec<ExplainedCaller> =
        callers.iter().filter(is_asked_for).map(explain_caller).collect();
    if let Some(stranger) = user.filter(|_| explained.is_empty()) {
        let why = || "this user is no [[caller]] of the configuration".to_owned();
        explained.push(ExplainedCaller {
            user: stranger.to_owned(),
            uid: None,
            requests: requests(|_| Err(why())),
        });
    }
    Explanation { callers: explained, everybody_else: "nothing", not_offered: NOT_OFFERED }
}

fn explain_caller(caller: &Caller) -> ExplainedCaller {
    let roles: Vec<&str> = caller.roles.iter().map(|role| role.name()).collect();
    let decide = |kind| match caller.role_for(kind) {
        Some(role) => Ok(format!("role {role}")),
        None if roles.is_empty() => Err("it has no role".to_owned()),
        None => Err(format!("not in the role {}", roles.join(" or "))),
    };
    ExplainedCaller { user: caller.user.clone(), uid: Some(caller.uid), requests: requests(decide) }
}

fn requests(decide: impl Fn(RequestKind) -> Result<String, String>) -> Vec<ExplainedRequest> {
    let explained = RequestKind::ALL.into_iter().map(|kind| {
        let (allowed, why) = match decide(kind) {
            Ok(why) => (true, why),
            Err(why) => (false, why),
        };
        ExplainedRequest { request: kind.name(), allowed, why }
    });
    explained.collect()
}

/// One line for each user and request.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for caller in &self.callers {
            let uid = caller.uid.map(|uid| format!(" (uid {uid})")).unwrap_or_default();
            writeln!(f, "{}{uid}", caller.user)?;
            for ExplainedRequest { request, allowed, why } in &caller.requests {
                let verdict = if *allowed { "yes" } else { "no" };
                writeln!(f, "  {request:<22} {verdict:<3}  {why}")?;
            }
        }
        writeln!(f, "every other user")?;
        writeln!(f, "  everything             no   deny by default")?;
        writeln!(f, "nobody")?;
        for request in self.not_offered {
            writeln!(f, "  {request:<22} no   the protocol has no such request")?;
        }
        Ok(())
    }
}

const NOT_OFFERED: [&str; 2] = ["digest", "raw-chunk"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::permission::Role;

    fn callers() -> Callers {
        let mut callers = Callers::default();
        for (user, uid, roles) in [
            ("countersign", 1001, vec![Role::BlockSigner]),
            ("1002", 1002, vec![Role::Operator, Role::SbtcSigner]),
        ] {
            callers.insert(Caller { user: user.to_owned(), uid, roles }).unwrap();
        }
        callers
    }

    #[test]
    fn every_user_and_request_has_a_line_with_its_reason() {
        insta::assert_snapshot!(explain(&callers(), None).to_string(), @r"
        countersign (uid 1001)
          block-acceptance       yes  role block-signer
          block-rejection        yes  role block-signer
          mock-signature         yes  role block-signer
          signer-message         yes  role block-signer
          state-update           yes  role block-signer
          staking-grant          no   not in the role block-signer
          stacking-authorization no   not in the role block-signer
          sip-vote               no   not in the role block-signer
          import-marks           yes  role block-signer
          export-journal         yes  role block-signer
          read-history           yes  role block-signer
          tidy-journal           yes  role block-signer
          read-standing          yes  role block-signer
          stop-signing           yes  role block-signer
          resume-signing         no   not in the role block-signer
        1002 (uid 1002)
          block-acceptance       no   not in the role operator or sbtc-signer
          block-rejection        no   not in the role operator or sbtc-signer
          mock-signature         no   not in the role operator or sbtc-signer
          signer-message         no   not in the role operator or sbtc-signer
          state-update           no   not in the role operator or sbtc-signer
          staking-grant          yes  role operator
          stacking-authorization yes  role operator
          sip-vote               yes  role operator
          import-marks           no   not in the role operator or sbtc-signer
          export-journal         yes  role operator
          read-history           no   not in the role operator or sbtc-signer
          tidy-journal           no   not in the role operator or sbtc-signer
          read-standing          yes  role operator
          stop-signing           yes  role operator
          resume-signing         yes  role operator
        every other user
          everything             no   deny by default
        nobody
          digest                 no   the protocol has no such request
          raw-chunk              no   the protocol has no such request
        ");
    }

    #[test]
    fn a_user_who_is_no_caller_may_ask_for_nothing() {
        let explained = explain(&callers(), Some("mallory"));
        let [mallory] = explained.callers.as_slice() else { unreachable!() };
        assert_eq!(mallory.requests.len(), RequestKind::ALL.len());
        assert!(mallory.requests.iter().all(|request| !request.allowed));
        assert_eq!(explain(&callers(), Some("1002")).callers.len(), 1);
    }
}
