//! Name resolution: a name is looked up once, its addresses are checked, and only these are connected to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::allowed_networks::AllowedNetworks;

/// Looks a name up, with the system's resolver or a test's.
pub(super) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The system's resolver.
pub(super) fn by_system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Gives a connection only allowed addresses. The connection uses these without another lookup.
pub(super) struct CheckedResolver {
    pub(super) lookup: Lookup,
    pub(super) networks: AllowedNetworks,
}

/// A name that resolves to an address that may not be connected to.
#[derive(Debug, thiserror::Error)]
#[error("the name `{name}` leads to an address that is not public ({what}), nor in fetch.allow_networks")]
pub(super) struct NotPublic {
    name: String,
    what: &'static str,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (name, networks) = (name.as_str().to_owned(), self.networks.clone());
        let found = (self.lookup)(name.clone());
        Box::pin(async move {
            let addresses = found.await?;
            // One address that is not public makes the whole name suspicious.
            for &address in &addresses {
                networks.check(address).map_err(|what| NotPublic { name: name.clone(), what })?;
            }
            // The client replaces the port 0 by the URL's.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
