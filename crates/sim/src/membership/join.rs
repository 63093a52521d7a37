//! All nodes call the first one at once.

use std::time::Duration;

use super::world::World;

/// How soon a node that is alone calls again, at first; twice as long each time, up to [`PAUSE_MAX`]. As the driver
/// calls its seeds.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// How exactly the end of it is watched for.
const WATCH_EVERY: Duration = Duration::from_millis(10);

/// How long joining may take before nobody waits for it any more.
const GIVE_UP_AFTER: Duration = Duration::from_secs(600);

/// Has all nodes join, and waits until each knows all others. Says how long it took, unless it never came to that.
pub(super) fn join(world: &mut impl World, size: usize) -> Option<Duration> {
    let began = world.now();
    let (mut pause, mut again) = (PAUSE_MIN, began);
    while !world.views().are_full() {
        let now = world.now();
        if now.saturating_since(began) > GIVE_UP_AFTER {
            return None;
        }
        if again <= now {
            (1..size).for_each(|node| {
                if world.is_alone(node) {
                    world.greet(node);
                }
            });
            again = now + pause;
            pause = (2 * pause).min(PAUSE_MAX);
        }
        world.run_for(WATCH_EVERY);
    }
    Some(world.now().saturating_since(began))
}
