//! `forget`.

use super::Admin;
use crate::api::{ForgetBody, ForgottenBody};
use crate::args::ForgetArgs;
use crate::failure::Failure;
use crate::output::{self, Format};

pub(super) async fn forget(args: &ForgetArgs) -> Result<(), Failure> {
    let admin = Admin::new(&args.target.admin)?;
    let node = args.node.clone();
    let answer = admin.post("/forget", &ForgetBody { node }).await?;
    let forgotten: ForgottenBody = answer.value;
    if args.target.output == Format::Json {
        return output::json_line(&forgotten);
    }
    let ForgottenBody {
        address,
        name,
        state,
    } = forgotten;
    let who = name.map_or_else(|| address.to_string(), |name| format!("{name} ({address})"));
    output::line(&format!("forgot {who}, which had {state}"))
}
