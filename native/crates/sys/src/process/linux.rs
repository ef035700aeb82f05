use super::*;
#[derive(Debug)] pub(super) struct Child(());
#[derive(Debug, Clone)] pub(super) struct Killer(());
impl Child {
    pub(super) fn spawn(_: &SpawnSpec) -> Result<Self, SpawnError> { todo!() }
    pub(super) fn pid(&self) -> u32 { todo!() }
    pub(super) fn process_group(&self) -> u32 { todo!() }
    pub(super) fn root_pid(&self) -> u32 { todo!() }
    pub(super) fn take_stdout(&mut self) -> Option<Output> { todo!() }
    pub(super) fn take_stderr(&mut self) -> Option<Output> { todo!() }
    pub(super) fn wait_timeout(&mut self, _: Duration) -> io::Result<Option<Exit>> { todo!() }
    pub(super) fn killer(&self) -> Killer { todo!() }
}
impl Killer { pub(super) fn terminate(&self) {} pub(super) fn kill(&self) {} }
pub(super) fn supervisor_main() -> ! { todo!() }
pub(super) fn missing() -> Vec<String> { vec![] }
