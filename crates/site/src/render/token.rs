//! Who may use a token that pcscd reaches. pcscd asks polkit, which lets nobody in who does not sit at the machine.

use crate::rendered::Rendered;

use super::{HEAD, View, fixed};

pub(super) fn files(View { site, role, .. }: View<'_>) -> Vec<Rendered> {
    let is_reached = site.signer.tokens().any(|token| token.pcscd);
    if !is_reached || !site.has_signer(role) {
        return Vec::new();
    }
    let user = if site.signer.vault { &site.users.vault } else { &site.users.signer };
    let head = HEAD.replacen('#', "//", 1);
    let rule = format!(
        "{head}polkit.addRule(function (action, subject) {{\n    var actions = [\"org.debian.pcsc-lite.access_pcsc\", \
         \"org.debian.pcsc-lite.access_card\"];\n    if (actions.indexOf(action.id) >= 0 && subject.user == \"{user}\") \
         {{\n        return polkit.Result.YES;\n    }}\n}});\n"
    );
    vec![Rendered::public(fixed("/etc/polkit-1/rules.d/50-countersign.rules"), rule)]
}
