//! Where the image of a build comes from: an archive that is uploaded, or a registry that it is pushed to.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use slipway_service::builds::intake::{self, Login as Given};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::Timestamp;

/// The archive that will be uploaded: a `.tgz`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceArchive {
    #[schema(minimum = 1)]
    pub size_bytes: u64,
    /// SHA-256 of the archive: 64 hexadecimal digits, lower case.
    #[schema(min_length = 64, max_length = 64, pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
}

/// What a build says of its image when it is made.
pub enum Source {
    Archive(SourceArchive),
    External,
}

/// The word for an image that is built elsewhere.
const EXTERNAL: &str = "external";

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Source;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object or {EXTERNAL}")
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Source, A::Error> {
                SourceArchive::deserialize(MapAccessDeserializer::new(entries)).map(Source::Archive)
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Source, E> {
                if word == EXTERNAL { Ok(Source::External) } else { Err(E::unknown_variant(word, &[EXTERNAL])) }
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl PartialSchema for Source {
    fn schema() -> RefOr<Schema> {
        let word = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .description(Some("The image is built elsewhere: push it where the answer says, then complete the build."))
            .enum_values(Some([EXTERNAL]));
        let archive = Ref::from_schema_name(SourceArchive::name());
        let either = OneOfBuilder::new().item(archive).item(word);
        either.description(Some("The archive to build, or the word for an image that is built elsewhere.")).into()
    }
}

impl ToSchema for Source {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((SourceArchive::name().into_owned(), SourceArchive::schema()));
        SourceArchive::schemas(schemas);
    }
}

/// How who pushes logs in to the registry.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// The registry asks nobody.
    None,
    /// With credentials that the registry's own people give out.
    Own,
    /// With `username` and `password`, until `expires_at`.
    Temporary,
}

/// Where an image that is built elsewhere goes.
#[derive(Serialize, ToSchema)]
pub struct Push {
    /// Host and port, as clients log in to it.
    pub registry: String,
    /// The app's repository, with the registry in front: push to it under any tag.
    pub repository: String,
    pub login: Login,
    pub username: Option<String>,
    /// Good for this repository alone.
    pub password: Option<String>,
    pub expires_at: Option<Timestamp>,
}

impl From<&intake::Push> for Push {
    fn from(push: &intake::Push) -> Self {
        let (registry, repository) = (push.repository.registry().to_owned(), push.repository.to_string());
        let without = |login| Self { registry, repository, login, username: None, password: None, expires_at: None };
        match &push.login {
            Given::Open => without(Login::None),
            Given::Own => without(Login::Own),
            Given::Temporary { username, password, expires_at } => Self {
                username: Some(username.clone()),
                // It is made for whoever asked, and for this answer.
                password: Some(password.reveal().to_owned()),
                expires_at: Some((*expires_at).into()),
                ..without(Login::Temporary)
            },
        }
    }
}
