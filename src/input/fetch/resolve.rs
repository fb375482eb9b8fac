//! Where does a host's name lead? It is looked up once; what was found is judged and then connected to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::networks::Networks;

/// Looks a name up: the system's way, or a test's.
pub(super) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The lookup of the system.
pub(super) fn by_system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Gives a connection only addresses that it may have. It connects to these very addresses: nobody asks again.
pub(super) struct Judging {
    pub(super) lookup: Lookup,
    pub(super) networks: Networks,
}

/// A name that leads where nobody may connect to.
#[derive(Debug, thiserror::Error)]
#[error("the name `{name}` leads to an address that is not public ({what}), nor in fetch.allow_networks")]
pub(super) struct LeadsAstray {
    name: String,
    what: &'static str,
}

impl Resolve for Judging {
    fn resolve(&self, name: Name) -> Resolving {
        let (name, networks) = (name.as_str().to_owned(), self.networks.clone());
        let found = (self.lookup)(name.clone());
        Box::pin(async move {
            let addresses = found.await?;
            // One address that is not public among public ones is no accident.
            for &address in &addresses {
                networks.check(address).map_err(|what| LeadsAstray { name: name.clone(), what })?;
            }
            // The port is the URL's: the client puts it in place of the 0.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
