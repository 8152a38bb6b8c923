//! On which file system a path is.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where Linux lists what this process sees mounted (`proc_pid_mountinfo(5)`).
const TABLE: &str = "/proc/self/mountinfo";

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its kind as the system calls it: `ext4`, `nfs4`, `fuse.sshfs`.
    pub kind: String,
    /// Whether it can only be read.
    pub is_read_only: bool,
}

/// The file system of a path that is there; none where the system doesn't tell.
#[must_use]
pub fn mount_of(path: &Path) -> Option<Mount> {
    find(&fs::read(TABLE).ok()?, &fs::canonicalize(path).ok()?)
}

/// The entry for a path without links in it: that of the nearest mount point above, and of several there the last, which
/// covers the others.
fn find(table: &[u8], path: &Path) -> Option<Mount> {
    let entries = table.split(|byte| *byte == b'\n').filter_map(entry);
    let above = entries.filter(|(point, _)| path.starts_with(point));
    above.max_by_key(|(point, _)| point.components().count()).map(|(_, mount)| mount)
}

/// One line: `36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw,errors=continue`. How many optional
/// fields precede the dash is not fixed.
fn entry(line: &[u8]) -> Option<(PathBuf, Mount)> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let dash = fields.iter().skip(6).position(|field| *field == b"-")? + 6;
    let (point, options) = (*fields.get(4)?, *fields.get(5)?);
    let (kind, of_disk) = (*fields.get(dash + 1)?, fields.get(dash + 3).copied().unwrap_or_default());
    let is_read_only = [options, of_disk].iter().any(|list| list.split(|byte| *byte == b',').any(|one| one == b"ro"));
    let kind = String::from_utf8_lossy(kind).into_owned();
    Some((PathBuf::from(OsStr::from_bytes(&unescaped(point))), Mount { kind, is_read_only }))
}

/// Blanks, tabs, line ends and backslashes are written as three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..3).filter(|_| first == b'\\').and_then(octal);
        bytes.push(escaped.unwrap_or(first));
        rest = escaped.and_then(|_| after.get(3..)).unwrap_or(after);
    }
    bytes
}

fn octal(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    u8::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile;

    const LISTED: &[u8] = b"\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
31 27 8:1 / /srv rw,noatime shared:3 master:1 - xfs /dev/sda1 rw
32 31 0:44 / /srv/nas rw,relatime shared:9 - nfs4 nas:/export rw,vers=4.2
33 27 8:2 / /media/my\\040disk ro,nosuid - vfat /dev/sdb1 rw
34 27 8:3 / /backup rw - btrfs /dev/sdc1 ro,subvol=/
35 27 0:50 / /covered rw - ext3 /dev/sdd1 rw
36 35 0:51 / /covered rw - tmpfs tmpfs rw
broken line
37 27
";

    #[test]
    fn a_path_is_on_the_file_system_that_is_mounted_nearest_above_it() {
        for (path, kind, is_read_only) in [
            ("/", "ext4", false),
            ("/home/anna", "ext4", false),
            ("/srv", "xfs", false),
            ("/srv/recordings", "xfs", false),
            ("/srv/nas/recordings", "nfs4", false),
            ("/srv/nasty", "xfs", false),
            ("/media/my disk/zoom", "vfat", true),
            ("/backup/zoom", "btrfs", true),
            ("/covered/zoom", "tmpfs", false),
        ] {
            let expected = Mount { kind: kind.to_owned(), is_read_only };
            assert_eq!(find(LISTED, Path::new(path)), Some(expected), "{path}");
        }
        assert_eq!(find(b"", Path::new("/")), None);
    }

    #[test]
    fn this_systems_own_table_is_read() {
        let kind = mount_of(Path::new("/proc")).map(|mount| mount.kind);
        assert_eq!(kind.as_deref(), Some("proc"));
        assert_eq!(mount_of(Path::new("/no/such/path")), None);
    }

    #[test]
    fn what_is_no_escape_stays() {
        for (field, bytes) in [
            (&b"a\\040b"[..], &b"a b"[..]),
            (b"\\134", b"\\"),
            (b"\\04", b"\\04"),
            (b"\\999", b"\\999"),
            (b"\\+12", b"\\+12"),
        ] {
            assert_eq!(unescaped(field), bytes);
        }
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn whatever_the_table_has_in_it_is_read_to_its_end(bytes in hostile::bytes()) {
            let table = [&bytes[..], b"\n27 1 254:0 / / rw - ext4 /dev/vda rw\n"].concat();
            prop_assert!(find(&table, Path::new("/home")).is_some());
        }
    }
}
