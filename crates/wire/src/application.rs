//! Which versions of an application work together, as its nodes tell each other at the hello.

use core::{fmt, str::FromStr};

use crate::cursor::{DecodeError, Full, Reader, Writer};

/// A version of an application: up to three numbers, compared in order. Those that are left out are zero.
///
/// ```
/// use hobnob_wire::AppVersion;
///
/// let version: AppVersion = "1.4.2-rc1".parse().expect("numbers at the front");
/// assert_eq!(version, AppVersion { major: 1, minor: 4, patch: 2 });
/// assert!(version < "2".parse().expect("a number"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

/// The text is no version: one to three numbers below 2^32 with points between them, and maybe more after a `-` or `+`,
/// which counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAppVersion;

/// Versions from one on, up to and without another.
///
/// ```
/// use hobnob_wire::AppVersions;
///
/// let versions: AppVersions = "1.2..2".parse().expect("a range");
/// assert!(versions.contains("1.9.7".parse().expect("a version")));
/// assert!(!versions.contains("2.0.0".parse().expect("a version")));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AppVersions {
    from: Option<AppVersion>,
    until: Option<AppVersion>,
}

/// The text is no range of versions: two versions with `..` between them, the first one below the second; either may be
/// left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAppVersions;

/// What a node declares of its application: which version it runs, and with which it works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AppRelease {
    /// The version it runs; nothing when it names none, or one that is no [`AppVersion`].
    pub version: Option<AppVersion>,
    /// The versions it works with; nothing when it works with all, those without a number among them.
    pub compatible_with: Option<AppVersions>,
}

impl AppVersion {
    const BYTES: usize = 12;

    fn encode(self, w: &mut Writer<'_>) -> Result<(), Full> {
        for number in [self.major, self.minor, self.patch] {
            w.put(&number.to_be_bytes())?;
        }
        Ok(())
    }

    fn decode(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let mut number = || r.array(field).map(u32::from_be_bytes);
        Ok(Self {
            major: number()?,
            minor: number()?,
            patch: number()?,
        })
    }
}

impl FromStr for AppVersion {
    type Err = NoAppVersion;

    fn from_str(text: &str) -> Result<Self, NoAppVersion> {
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        let mut version = [0; 3];
        let mut parts = numbers.split('.');
        for (place, number) in version.iter_mut().enumerate() {
            match parts.next() {
                Some(part) if part.bytes().all(|byte| byte.is_ascii_digit()) => {
                    *number = part.parse().map_err(|_| NoAppVersion)?;
                }
                None if place > 0 => {}
                _ => return Err(NoAppVersion),
            }
        }
        let [major, minor, patch] = version;
        match parts.next() {
            None => Ok(Self {
                major,
                minor,
                patch,
            }),
            Some(_) => Err(NoAppVersion),
        }
    }
}

impl fmt::Display for AppVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for NoAppVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no version: give one to three numbers, such as 1.4.2")
    }
}

impl core::error::Error for NoAppVersion {}

impl AppVersions {
    /// Versions from `from` on, up to and without `until`; without a bound there is none. `None` when nothing is
    /// between them.
    pub fn new(from: Option<AppVersion>, until: Option<AppVersion>) -> Option<Self> {
        let least = from.unwrap_or_default();
        let is_empty = until.is_some_and(|until| until <= least);
        (!is_empty).then_some(Self { from, until })
    }

    /// Whether a version is one of these.
    pub fn contains(self, version: AppVersion) -> bool {
        self.from.is_none_or(|from| from <= version)
            && self.until.is_none_or(|until| version < until)
    }
}

impl FromStr for AppVersions {
    type Err = NoAppVersions;

    fn from_str(text: &str) -> Result<Self, NoAppVersions> {
        let (from, until) = text.split_once("..").ok_or(NoAppVersions)?;
        let bound = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| NoAppVersions),
        };
        Self::new(bound(from)?, bound(until)?).ok_or(NoAppVersions)
    }
}

impl fmt::Display for AppVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |f: &mut fmt::Formatter<'_>, bound: Option<AppVersion>| {
            bound.map_or(Ok(()), |version| version.fmt(f))
        };
        bound(f, self.from)?;
        f.write_str("..")?;
        bound(f, self.until)
    }
}

impl fmt::Display for NoAppVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no range of versions: give the first one that works and the first one that does not any more, such as \
             1.2..2",
        )
    }
}

impl core::error::Error for NoAppVersions {}

const HAS_VERSION: u8 = 1;
const HAS_RANGE: u8 = 2;
const HAS_FROM: u8 = 4;
const HAS_UNTIL: u8 = 8;

impl AppRelease {
    /// Bytes on the wire.
    pub const BYTES: usize = 1 + 3 * AppVersion::BYTES;

    /// Whether the two may talk to each other: neither declares that it does not work with the other. A node that
    /// names no version is in no range.
    pub fn is_compatible_with(self, other: Self) -> bool {
        self.accepts(other) && other.accepts(self)
    }

    fn accepts(self, other: Self) -> bool {
        self.compatible_with.is_none_or(|versions| {
            other
                .version
                .is_some_and(|version| versions.contains(version))
        })
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>) -> Result<(), Full> {
        let range = self.compatible_with.unwrap_or_default();
        let parts = [
            (HAS_VERSION, self.version),
            (HAS_FROM, range.from),
            (HAS_UNTIL, range.until),
        ];
        let has = |flag: u8, is_there: bool| if is_there { flag } else { 0 };
        let flags = parts.iter().map(|(flag, part)| has(*flag, part.is_some()));
        w.u8(flags.sum::<u8>() + has(HAS_RANGE, self.compatible_with.is_some()))?;
        for (_, part) in parts {
            part.unwrap_or_default().encode(w)?;
        }
        Ok(())
    }

    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let field = "application release";
        let invalid = DecodeError::Invalid { field };
        let flags = r.u8(field)?;
        let has_range = flags & HAS_RANGE != 0;
        let bounds = HAS_FROM | HAS_UNTIL;
        if flags > HAS_VERSION | HAS_RANGE | bounds || !has_range && flags & bounds != 0 {
            return Err(invalid);
        }
        let mut part = |flag: u8| {
            let version = AppVersion::decode(r, field)?;
            match flags & flag != 0 {
                true => Ok(Some(version)),
                false if version == AppVersion::default() => Ok(None),
                false => Err(invalid),
            }
        };
        let (version, from, until) = (part(HAS_VERSION)?, part(HAS_FROM)?, part(HAS_UNTIL)?);
        let range = AppVersions::new(from, until).ok_or(invalid)?;
        Ok(Self {
            version,
            compatible_with: has_range.then_some(range),
        })
    }
}

impl fmt::Display for AppRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Some(version) => write!(f, "version {version}")?,
            None => f.write_str("no version")?,
        }
        match self.compatible_with {
            Some(versions) => write!(f, ", compatible with {versions}"),
            None => f.write_str(", compatible with all"),
        }
    }
}
