//! Where settings come from, which of them wins, and who may read them.

use zoom_archiver::simulator::{Matcher, Simulator};

use crate::support::{MIB, Service, folder, meeting_at, minute, zoom_with};

async fn one_meeting() -> Simulator {
    zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4096)]).await
}

#[tokio::test]
async fn the_environment_outranks_the_file() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom).set("archive.layout", "{date}");

    let variable = "export ZOOM_ARCHIVER__ARCHIVE__LAYOUT='{date}/{time}'";
    service.start_after(variable, &["once"]).ended().await.with(0);

    assert_eq!(service.row("a==")["directory"], folder(minute(5)));
}

#[tokio::test]
async fn the_file_outranks_the_variables_of_the_prototype() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);

    let variables = "export ZOOM_CLIENT_ID=another ZOOM_CLIENT_SECRET=another";
    service.start_after(variables, &["once"]).ended().await.with(0);

    assert_eq!(service.recorded_uuids(), ["a=="]);
}

#[tokio::test]
async fn a_secret_may_lie_in_a_file_of_its_own() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom).without("zoom.client_secret").set("zoom.client_secret_file", "secret");
    std::fs::write(service.path("secret"), format!("{}\n", zoom.client_secret())).unwrap();

    service.once().await.with(0);

    assert_eq!(service.recorded_uuids(), ["a=="]);
}

#[tokio::test]
async fn p15_the_list_can_be_looked_at_while_another_command_is_at_work() {
    let zoom = zoom_with([meeting_at("a==", 5, 0).video("gallery_view", 4 * MIB)]).await;
    let service = Service::on(&zoom);
    let hold = zoom.hold(Matcher::media(), MIB);
    let working = service.start(&["once"]);
    hold.reached().await;

    let listed = service.listed().await;

    assert_eq!(listed["a=="].0, "fetch");
    assert_eq!(zoom.journal().token_requests().len(), 1, "the token is shared");
    hold.release();
    working.ended().await.with(0);
    service.keeps_its_promises(&zoom).await;
}
