//! The controllers of the cluster: as many processes as were asked for, and each process on its way.

use slipway_domain::promotion::DeploymentKey;
use slipway_domain::time::Time;
use slipway_rollout::observation::{Refusal, Stage};

use super::process::{Process, Step};
use super::{Agenda, Cluster, Deployment, Later};

/// How soon the controller tries again what was refused.
const AGAIN_MS: u64 = 2_000;
/// How soon it replaces a process that is gone.
const REPLACE_MS: u64 = 200;

impl Cluster {
    pub fn happen(&mut self, later: Later, now: Time) -> Agenda {
        match later {
            Later::Reconcile(key) => self.reconcile(&key, now),
            Later::Step { key, uid, life, step } => self.step(&key, &uid, life, step, now),
        }
    }

    fn reconcile(&mut self, key: &DeploymentKey, now: Time) -> Agenda {
        let Some(mut deployment) = self.deployments.remove(key) else { return Vec::new() };
        let before = (deployment.visibility(), deployment.refusal.take());
        deployment.pending = false;
        let live = deployment.live().count();
        let asked = deployment.replicas as usize;
        let agenda = if live > asked {
            stop_surplus(key, &mut deployment, live - asked, now)
        } else {
            self.make_missing(key, &mut deployment, asked - live, now)
        };
        if !agenda.is_empty() || before != (deployment.visibility(), deployment.refusal.clone()) {
            self.revision += 1;
        }
        self.deployments.insert(key.clone(), deployment);
        agenda
    }

    fn make_missing(&mut self, key: &DeploymentKey, deployment: &mut Deployment, missing: usize, now: Time) -> Agenda {
        let mut agenda = Agenda::new();
        for _ in 0..missing {
            if let Some(refusal) = self.refusal(key, deployment) {
                deployment.refusal = Some(refusal);
                agenda.push((AGAIN_MS, Later::Reconcile(key.clone())));
                break;
            }
            agenda.extend(self.make(key, deployment, now));
        }
        agenda
    }

    fn refusal(&self, key: &DeploymentKey, deployment: &Deployment) -> Option<Refusal> {
        if self.characters.get(key).is_some_and(|character| character.refused) {
            return Some(Refusal::Admission("admission webhook \"policy\" denied the request".to_owned()));
        }
        let all =
            self.deployments.values().map(|other| other.processes.len()).sum::<usize>() + deployment.processes.len();
        let full = self.traits.quota.is_some_and(|quota| all >= quota as usize);
        full.then(|| Refusal::Quota("exceeded quota: pods".to_owned()))
    }

    fn make(&mut self, key: &DeploymentKey, deployment: &mut Deployment, now: Time) -> Agenda {
        let number = self.next();
        let script =
            self.characters.get(key).map(|character| character.script(deployment.made).clone()).unwrap_or_default();
        deployment.made += 1;
        let (name, uid) = (format!("{key}-{number}"), format!("p{number}"));
        let (process, follow) = Process::new(name, uid.clone(), script, deployment.ports, now);
        deployment.processes.push(process);
        let later = |step| Later::Step { key: key.clone(), uid: uid.clone(), life: 0, step };
        follow.into_iter().map(|(ms, step)| (ms, later(step))).collect()
    }

    fn step(&mut self, key: &DeploymentKey, uid: &str, life: u32, step: Step, now: Time) -> Agenda {
        let status_is_version = self.traits.status_is_version;
        let version = self.counter + 1;
        let Some(deployment) = self.deployments.get_mut(key) else { return Vec::new() };
        let Some(index) = deployment.processes.iter().position(|process| process.uid == uid && process.life == life)
        else {
            return Vec::new();
        };
        self.revision += 1;
        if step == Step::Gone {
            deployment.processes.remove(index);
            return vec![(REPLACE_MS, Later::Reconcile(key.clone()))];
        }
        let process = &mut deployment.processes[index];
        let was_ready = process.is_ready();
        let follow = process.step(step, now);
        let life = process.life;
        if status_is_version && was_ready != process.is_ready() {
            self.counter = version;
            deployment.version = version;
        }
        let over = matches!(deployment.processes[index].stage, Stage::Over { .. });
        let replace = over.then(|| (REPLACE_MS, Later::Reconcile(key.clone())));
        let later = |step| Later::Step { key: key.clone(), uid: uid.to_owned(), life, step };
        follow.into_iter().map(|(ms, step)| (ms, later(step))).chain(replace).collect()
    }

    pub(super) fn stop_process(&mut self, uid: &str, now: Time) -> Agenda {
        for (key, deployment) in &mut self.deployments {
            let Some(process) = deployment.processes.iter_mut().find(|process| process.uid == uid) else { continue };
            if process.stopping.is_some() {
                return Vec::new();
            }
            let mut agenda = vec![stopped(key, process, now)];
            agenda.push((REPLACE_MS, Later::Reconcile(key.clone())));
            self.revision += 1;
            return agenda;
        }
        Vec::new()
    }
}

fn stopped(key: &DeploymentKey, process: &mut Process, now: Time) -> (u64, Later) {
    let ms = process.stop(now);
    let later = Later::Step { key: key.clone(), uid: process.uid.clone(), life: process.life, step: Step::Gone };
    (ms, later)
}

/// What runs least goes first: without a node, not running, not ready, ready; of equals the youngest.
fn stop_surplus(key: &DeploymentKey, deployment: &mut Deployment, surplus: usize, now: Time) -> Agenda {
    let mut live: Vec<&mut Process> = deployment.processes.iter_mut().filter(|process| process.is_live()).collect();
    live.sort_by_key(|process| {
        let rank = match &process.stage {
            Stage::Unscheduled(_) => 0,
            Stage::Running { .. } if process.is_ready() => 3,
            Stage::Running { .. } => 2,
            _ => 1,
        };
        (rank, std::cmp::Reverse(process.created_ms))
    });
    live.into_iter().take(surplus).map(|process| stopped(key, process, now)).collect()
}
