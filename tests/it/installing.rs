//! Installing: the README's own commands, and the Debian package, on a machine that is gone at the end.
//!
//! That machine is this one in a mount namespace of its own: layers above `/etc`, `/usr` and `/var` take all changes, and `/run`
//! is empty, so that no service manager is within reach. Where that can't be had, the tests say that they are skipped.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::readme::section;
use crate::support::skipped;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const EXAMPLE: &str = include_str!("../../config/zoom-archiver.example.toml");

/// What comes before everything else on such a machine; the first argument is an empty folder.
const LAYERS: &str = r#"
set -eu
mount -t tmpfs -o mode=0755 layers "$1"
for part in etc usr var; do mkdir "$1/$part" "$1/$part.work"; done
for part in etc usr var; do
    mount -t overlay -o "lowerdir=/$part,upperdir=$1/$part,workdir=$1/$part.work" layers "/$part"
done
mount -t tmpfs -o mode=0755 run /run
umask 022
"#;

/// What the commands of the README find in place of these programs: root already, a program that is built, and no systemd.
const STAND_INS: [(&str, &str); 3] = [
    ("sudo", r#"if [ "$1" = -u ]; then shift; user=$1; shift; exec runuser -u "$user" -- "$@"; fi; exec "$@""#),
    ("cargo", r#"[ "$*" = "build --release --locked" ]"#),
    ("systemctl", r#"echo "systemctl $*""#),
];

/// Lists what was installed, with modes and owners.
const LOOK: &str = r"
stat --format '%A %U:%G %n' /usr/bin/zoom-archiver /usr/lib/systemd/system/zoom-archiver.service \
    /usr/lib/sysusers.d/zoom-archiver.conf /usr/lib/tmpfiles.d/zoom-archiver.conf \
    /etc/zoom-archiver /etc/zoom-archiver/config.toml /var/lib/zoom-archiver
getent passwd zoom-archiver | cut -d: -f1,6,7
diff config/zoom-archiver.example.toml /etc/zoom-archiver/config.toml | grep '^[<>]'
systemd-analyze verify --man=no zoom-archiver.service
";

/// What [`LOOK`] says where all is well. systemd finds nothing to say about the unit.
const INSTALLED: &str = r#"-rwxr-xr-x root:root /usr/bin/zoom-archiver
-rw-r--r-- root:root /usr/lib/systemd/system/zoom-archiver.service
-rw-r--r-- root:root /usr/lib/sysusers.d/zoom-archiver.conf
-rw-r--r-- root:root /usr/lib/tmpfiles.d/zoom-archiver.conf
drwxr-x--- root:zoom-archiver /etc/zoom-archiver
-rw-r----- root:zoom-archiver /etc/zoom-archiver/config.toml
drwxr-x--- zoom-archiver:zoom-archiver /var/lib/zoom-archiver
zoom-archiver:/var/lib/zoom-archiver:/usr/sbin/nologin
< state_dir = "."
> state_dir = "/var/lib/zoom-archiver"
"#;

/// Leaves a recording, as the service would.
const RECORD: &str = "
sudo -u zoom-archiver mkdir -m 0750 /var/lib/zoom-archiver/downloads
sudo -u zoom-archiver sh -c 'umask 027; echo video > /var/lib/zoom-archiver/downloads/gallery_view.mp4'
";

/// A machine to install on, with a clone of the sources.
struct Machine {
    clone: TempDir,
}

impl Machine {
    /// One, if these programs are there besides.
    fn with(programs: &[&str]) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skipped("only root may have a machine to install on");
            return None;
        }
        let is_missing = |program: &&&str| Command::new(program).arg("--version").output().is_err();
        if let Some(missing) = ["unshare", "runuser"].iter().chain(programs).find(is_missing) {
            skipped(&format!("there is no {missing} on this machine"));
            return None;
        }
        for path in ["/usr/bin/zoom-archiver", "/etc/zoom-archiver", "/var/lib/zoom-archiver"] {
            if Path::new(path).exists() {
                skipped(&format!("{path} is there: it is installed on this machine"));
                return None;
            }
        }
        let machine = Self { clone: clone_of_the_sources() };
        let output = machine.run(LAYERS);
        if !output.status.success() {
            skipped(&format!("there is no machine to install on: {}", String::from_utf8_lossy(&output.stderr)));
            return None;
        }
        Some(machine)
    }

    fn run(&self, script: &str) -> Output {
        let layers = tempfile::tempdir().expect("a temporary folder");
        let stand_ins = self.clone.path().join("stand-ins");
        Command::new("unshare")
            .args(["--mount", "sh", "-c", script, "sh"])
            .arg(layers.path())
            .current_dir(self.clone.path())
            .env_clear()
            .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", stand_ins.display()))
            .output()
            .expect("unshare is there")
    }

    /// What a script says, to its end, on a machine where nothing was installed before.
    #[track_caller]
    fn says(&self, script: &str) -> String {
        let output = self.run(&format!("{LAYERS}exec 2>&1\n{script}"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        said
    }
}

/// A folder as somebody has it who cloned the sources and built the program. It is closed to the service's user, as home
/// folders are.
fn clone_of_the_sources() -> TempDir {
    let clone = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| clone.path().join(name);
    for folder in ["config", "systemd"] {
        symlink(Path::new(ROOT).join(folder), at(folder)).expect("a link is made");
    }
    std::fs::create_dir_all(at("target/release")).expect("a folder is made");
    symlink(env!("CARGO_BIN_EXE_zoom-archiver"), at("target/release/zoom-archiver")).expect("a link is made");
    std::fs::create_dir(at("stand-ins")).expect("a folder is made");
    let set_mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode));
    for (name, script) in STAND_INS {
        let path = at("stand-ins").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("the stand-in is written");
        set_mode(&path, 0o755).expect("its mode is set");
    }
    set_mode(clone.path(), 0o700).expect("its mode is set");
    clone
}

/// The shell blocks of one of the README's sections.
fn blocks(heading: &str) -> Vec<&'static str> {
    let blocks = section(heading).split("```sh\n").skip(1);
    blocks.map(|rest| rest.split_once("```").expect("a block ends").0).collect()
}

#[test]
fn the_readmes_commands_install_it_by_hand_and_take_away_all_but_the_recordings() {
    let Some(machine) = Machine::with(&["systemd-sysusers", "systemd-tmpfiles", "systemd-analyze"]) else { return };
    let (install, uninstall) = (blocks("### By hand")[0], blocks("### Uninstall")[0]);

    let said = machine.says(&format!(
        "{install}\necho INSTALLED\n{LOOK}{RECORD}echo UNINSTALLED\n{uninstall}\n\
         find /usr /etc /var -name '*zoom-archiver*' -o -name '*.mp4' | sort\n"
    ));

    let (_, said) = said.split_once("INSTALLED\n").expect("it is installed");
    let (installed, left) = said.split_once("UNINSTALLED\n").expect("it is uninstalled");
    assert_eq!(installed, INSTALLED);
    assert_eq!(
        left,
        "systemctl disable --now zoom-archiver\n/var/lib/zoom-archiver\n\
         /var/lib/zoom-archiver/downloads/gallery_view.mp4\n"
    );
}

#[test]
fn commands_of_the_services_user_find_the_systems_config_from_a_folder_that_is_closed_to_it() {
    let Some(machine) = Machine::with(&["systemd-sysusers", "systemd-tmpfiles"]) else { return };
    let install = blocks("### By hand")[0];

    let said =
        machine.says(&format!("{install}\nsudo -u zoom-archiver zoom-archiver check || echo \"exit code $?\"\n"));

    assert!(said.contains("failure  config           zoom.client_id: this is needed"), "{said}");
    assert!(said.ends_with("exit code 2\n"), "{said}");
}

#[test]
fn commands_of_other_users_are_told_to_whom_the_config_belongs() {
    let Some(machine) = Machine::with(&["systemd-sysusers", "systemd-tmpfiles"]) else { return };
    let install = blocks("### By hand")[0];

    let said = machine.says(&format!("{install}\ncd /\nsudo -u nobody zoom-archiver check || echo \"exit code $?\"\n"));

    assert!(said.contains("this user may not read /etc/zoom-archiver/config.toml"), "{said}");
    assert!(said.contains("sudo -u zoom-archiver"), "{said}");
}

#[test]
fn what_the_readme_packs_on_one_machine_is_unpacked_whole_on_another() {
    let Some(machine) = Machine::with(&["systemd-sysusers", "systemd-tmpfiles", "systemd-analyze", "tar"]) else {
        return;
    };
    let install = blocks("### By hand")[0];
    let [pack, unpack] = blocks("### Move to another machine")[..] else { panic!("one block for each machine") };
    let (unpack, check) = unpack.split_once('\n').expect("it is unpacked before it is checked");
    assert!(check.starts_with("sudo -u zoom-archiver zoom-archiver check\n"), "{check}");
    let look = "find /var/lib/zoom-archiver /etc/zoom-archiver -printf '%M %u:%g %s %p\\n' | sort\n";

    // The user has another number there.
    let said = machine.says(&format!(
        "{install}\n{RECORD}{pack}\nstat --format %A zoom-archiver.tar\necho ONE\n{look}\
         rm -r /var/lib/zoom-archiver /etc/zoom-archiver\nuserdel zoom-archiver\nuseradd --system somebody\n\
         {install}\n{unpack}\necho OTHER\n{look}"
    ));

    let (packed, said) = said.split_once("ONE\n").expect("it is packed");
    assert!(packed.ends_with("-rw-------\n"), "there are keys in it: {packed}");
    let (one, said) = said.split_once("systemctl daemon-reload\n").expect("it is installed again");
    let (_, other) = said.split_once("OTHER\n").expect("it is unpacked");
    assert!(
        other.contains("-rw-r----- zoom-archiver:zoom-archiver 6 /var/lib/zoom-archiver/downloads/gallery_view.mp4\n")
    );
    assert!(one.starts_with(other), "{one}\n{other}");
}

/// The package, of the binary under test; or why there is none.
static PACKAGE: LazyLock<Result<(TempDir, PathBuf), String>> = LazyLock::new(build);

fn build() -> Result<(TempDir, PathBuf), String> {
    for command in [&["cargo", "deb", "--version"][..], &["dpkg-deb", "--version"]] {
        let output = Command::new(command[0]).args(&command[1..]).output();
        if !output.is_ok_and(|output| output.status.success()) {
            return Err(format!("there is no {} on this machine", command[..command.len() - 1].join(" ")));
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let package = folder.path().join("zoom-archiver.deb");
    std::fs::create_dir(folder.path().join("release")).expect("a folder is made");
    std::fs::copy(env!("CARGO_BIN_EXE_zoom-archiver"), folder.path().join("release/zoom-archiver")).expect("a copy");
    let output = Command::new(Path::new(ROOT).join(".ci/deb"))
        .args(["--no-build", "--strip", "--fast", "--output"])
        .arg(&package)
        .env("CARGO_TARGET_DIR", folder.path())
        .output()
        .expect("the script is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok((folder, package))
}

fn package() -> Option<&'static Path> {
    match &*PACKAGE {
        Ok((_, package)) => Some(package),
        Err(why) => {
            skipped(why);
            None
        }
    }
}

/// What `dpkg-deb` says of the package.
fn dpkg_deb(arguments: &[&str], package: &Path) -> String {
    let output = Command::new("dpkg-deb").arg(arguments[0]).arg(package).args(&arguments[1..]).output();
    let output = output.expect("dpkg-deb is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_package_has_each_file_in_its_place_with_its_mode() {
    let Some(package) = package() else { return };

    let listed = dpkg_deb(&["--contents"], package);

    let mut files: Vec<String> = Vec::new();
    for line in listed.lines().filter(|line| line.starts_with('-')) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        files.push(format!("{} {} {}", cells[0], cells[1], cells[5].trim_start_matches('.')));
    }
    files.sort_by(|a, b| a.rsplit(' ').next().cmp(&b.rsplit(' ').next()));
    let expected = "\
        -rw-r----- 0/0 /etc/zoom-archiver/config.toml
        -rwxr-xr-x 0/0 /usr/bin/zoom-archiver
        -rw-r--r-- 0/0 /usr/lib/systemd/system/zoom-archiver.service
        -rw-r--r-- 0/0 /usr/lib/sysusers.d/zoom-archiver.conf
        -rw-r--r-- 0/0 /usr/lib/tmpfiles.d/zoom-archiver.conf
        -rw-r--r-- 0/0 /usr/share/bash-completion/completions/zoom-archiver
        -rw-r--r-- 0/0 /usr/share/doc/zoom-archiver/CHANGELOG.md
        -rw-r--r-- 0/0 /usr/share/doc/zoom-archiver/README.md
        -rw-r--r-- 0/0 /usr/share/doc/zoom-archiver/copyright
        -rw-r--r-- 0/0 /usr/share/doc/zoom-archiver/examples/archive.conf.example
        -rw-r--r-- 0/0 /usr/share/doc/zoom-archiver/examples/zoom-archiver.example.toml
        -rw-r--r-- 0/0 /usr/share/fish/vendor_completions.d/zoom-archiver.fish
        -rw-r--r-- 0/0 /usr/share/zsh/vendor-completions/_zoom-archiver";
    assert_eq!(files, expected.lines().map(str::trim).collect::<Vec<_>>());
}

#[test]
fn the_packaged_config_is_the_example_with_another_state_folder_and_stays_as_its_owner_has_it() {
    let Some(package) = package() else { return };
    let folder = tempfile::tempdir().unwrap();

    dpkg_deb(&["--extract", folder.path().to_str().unwrap()], package);

    let config = std::fs::read_to_string(folder.path().join("etc/zoom-archiver/config.toml")).unwrap();
    assert_eq!(config, EXAMPLE.replace("\nstate_dir = \".\"\n", "\nstate_dir = \"/var/lib/zoom-archiver\"\n"));
    assert_ne!(config, EXAMPLE);
    assert_eq!(dpkg_deb(&["--info", "conffiles"], package), "/etc/zoom-archiver/config.toml\n");
}

#[test]
fn the_package_needs_what_its_scripts_call_and_the_certificates_that_tls_trusts() {
    let Some(package) = package() else { return };

    let needed = dpkg_deb(&["--field", "Depends"], package);

    for name in ["systemd", "ca-certificates", "libc6"] {
        assert!(needed.split([',', ' ', '\n']).any(|word| word == name), "{name} is not in {needed}");
    }
}

#[test]
fn a_package_is_installed_renewed_removed_and_purged_and_the_recordings_stay() {
    let Some(package) = package() else { return };
    let Some(machine) = Machine::with(&["dpkg", "systemd-sysusers", "systemd-tmpfiles", "systemd-analyze"]) else {
        return;
    };
    let package = package.display();

    let said = machine.says(&format!(
        "dpkg -i {package}\necho INSTALLED\n{LOOK}{RECORD}\
         test ! -e /etc/systemd/system/multi-user.target.wants/zoom-archiver.service\n\
         echo '# mine' >> /etc/zoom-archiver/config.toml\nchmod 600 /etc/zoom-archiver/config.toml\n\
         chown zoom-archiver /etc/zoom-archiver/config.toml\n\
         dpkg -i {package}\necho RENEWED\nstat --format '%A %U:%G %n' /etc/zoom-archiver/config.toml\n\
         tail -n 1 /etc/zoom-archiver/config.toml\n\
         dpkg -r zoom-archiver\necho REMOVED\ntest ! -e /usr/bin/zoom-archiver\ntail -n 1 /etc/zoom-archiver/config.toml\n\
         dpkg -P zoom-archiver\necho PURGED\n\
         find /usr /etc /var/lib/zoom-archiver -name '*zoom-archiver*' -o -name '*.mp4' | sort\n"
    ));

    let (_, said) = said.split_once("INSTALLED\n").expect("it is installed");
    assert!(said.starts_with(INSTALLED), "{said}");
    let (_, said) = said.split_once("RENEWED\n").expect("it is renewed");
    assert!(
        said.starts_with("-rw------- zoom-archiver:zoom-archiver /etc/zoom-archiver/config.toml\n# mine\n"),
        "{said}"
    );
    let (_, said) = said.split_once("REMOVED\n").expect("it is removed");
    assert!(said.starts_with("# mine\n"), "{said}");
    let (_, left) = said.split_once("PURGED\n").expect("it is purged");
    assert_eq!(left, "/var/lib/zoom-archiver\n/var/lib/zoom-archiver/downloads/gallery_view.mp4\n");
}
