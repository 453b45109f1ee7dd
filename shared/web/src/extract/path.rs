//! What the path names. A segment that nothing can be called is answered like one that nothing is called: 404, with the
//! same code.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use slipway_domain::error::{Error, Kind};
use slipway_domain::id::{BuildId, PromotionId, RunId};
use slipway_domain::name::{AppName, ClusterName, EnvironmentName};
use slipway_domain::release::ReleaseRef;

use crate::problem::{Answer, Problem};

/// The path, read as a `T`.
pub struct Path<T>(pub T);

/// What can be read from the segments of a path.
pub trait FromSegments: Sized {
    fn from_segments(segments: &Segments) -> Answer<Self>;
}

/// The segments of the path that have names.
pub struct Segments(Vec<(String, String)>);

impl Segments {
    fn one<T: FromStr>(&self, name: &str) -> Answer<T> {
        let text = self.0.iter().find(|(key, _)| key == name).map_or("", |(_, text)| text);
        text.parse().map_err(|_| absent(name).into())
    }
}

/// There is nothing of this name.
fn absent(name: &str) -> Error {
    let code = match name {
        "app" => "app_not_found",
        "build" => "build_not_found",
        "cluster" => "cluster_not_found",
        "environment" => "environment_not_found",
        "promotion" => "promotion_not_found",
        "release" => "release_not_found",
        "run" => "run_not_found",
        _ => "not_found",
    };
    let article = if name.starts_with(['a', 'e']) { "an" } else { "a" };
    let message =
        format!("there is no such {name}: what the path says is not in the form of {article} {name}'s name or id");
    Error::new(Kind::NotFound, code, message)
}

impl<S: Send + Sync, T: FromSegments> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let raw = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::malformed("invalid_path", "the path must be UTF-8, percent-encoded"))?;
        let segments = raw.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        T::from_segments(&Segments(segments)).map(Self)
    }
}

macro_rules! paths {
    ($($(#[$doc:meta])* $path:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, utoipa::IntoParams)]
            #[into_params(parameter_in = Path)]
            pub struct $path {
                $($(#[$field_doc])* #[param(value_type = String)] pub $field: $type),+
            }

            impl FromSegments for $path {
                fn from_segments(segments: &Segments) -> Answer<Self> {
                    Ok(Self { $($field: segments.one(stringify!($field))?),+ })
                }
            }
        )+
    };
}

paths! {
    AppPath {
        /// Name of the app.
        app: AppName,
    }
    ClusterPath {
        /// Name of the cluster.
        cluster: ClusterName,
    }
    BuildPath {
        /// Name of the app.
        app: AppName,
        /// Id of the build.
        build: BuildId,
    }
    ReleasePath {
        /// Name of the app.
        app: AppName,
        /// Id, number (`v42`) or tag of the release.
        release: ReleaseRef,
    }
    EnvironmentPath {
        /// Name of the app.
        app: AppName,
        /// Name of the environment.
        environment: EnvironmentName,
    }
    PromotionPath {
        /// Name of the app.
        app: AppName,
        /// Name of the environment.
        environment: EnvironmentName,
        /// Id of the promotion.
        promotion: PromotionId,
    }
    RunPath {
        /// Name of the app.
        app: AppName,
        /// Name of the environment.
        environment: EnvironmentName,
        /// Id of the run.
        run: RunId,
    }
}
