"""Run as a program: the official REST SDK calls a server at host:port and prints what it understood.

Not a test module: the SDK's imports warn.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from alibabacloud_dingtalk.card_1_0 import models as card
from alibabacloud_dingtalk.card_1_0.client import Client as CardClient
from alibabacloud_dingtalk.oauth2_1_0 import models as oauth
from alibabacloud_dingtalk.oauth2_1_0.client import Client as OauthClient
from alibabacloud_dingtalk.robot_1_0 import models as robot
from alibabacloud_dingtalk.robot_1_0.client import Client as RobotClient
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from Tea.exceptions import TeaException

ENDPOINT, TEMPLATE, DOWNLOAD_CODE = sys.argv[1:4]
config = Config(protocol="http", endpoint=ENDPOINT)
runtime = RuntimeOptions()
said: dict[str, Any] = {}

token = OauthClient(config).get_access_token(oauth.GetAccessTokenRequest(app_key="ding-app", app_secret="s3cret"))
said["expire_in"] = token.body.expire_in
access = token.body.access_token

robots = RobotClient(config)
send = robot.BatchSendOTORequest(
    robot_code="ding-app",
    user_ids=["boss", "nobody"],
    msg_key="sampleText",
    msg_param=json.dumps({"content": "你好"}),
)
headers = robot.BatchSendOTOHeaders(x_acs_dingtalk_access_token=access)
sent = robots.batch_send_otowith_options(send, headers, runtime).body
said["invalid"] = sent.invalid_staff_id_list
said["flow"] = sent.flow_controlled_staff_id_list

status = robots.batch_otoquery_with_options(
    robot.BatchOTOQueryRequest(robot_code="ding-app", process_query_key=sent.process_query_key),
    robot.BatchOTOQueryHeaders(x_acs_dingtalk_access_token=access),
    runtime,
).body
said["read"] = [(info.user_id, info.read_status) for info in status.message_read_info_list]

recalled = robots.batch_recall_otowith_options(
    robot.BatchRecallOTORequest(robot_code="ding-app", process_query_keys=[sent.process_query_key]),
    robot.BatchRecallOTOHeaders(x_acs_dingtalk_access_token=access),
    runtime,
).body
said["recalled"] = recalled.success_result == [sent.process_query_key]

group = robots.org_group_send_with_options(
    robot.OrgGroupSendRequest(
        robot_code="ding-app",
        open_conversation_id="cidGROUP==",
        msg_key="sampleText",
        msg_param=json.dumps({"content": "大家好"}),
    ),
    robot.OrgGroupSendHeaders(x_acs_dingtalk_access_token=access),
    runtime,
).body
said["group"] = bool(group.process_query_key)

link = robots.robot_message_file_download_with_options(
    robot.RobotMessageFileDownloadRequest(robot_code="ding-app", download_code=DOWNLOAD_CODE),
    robot.RobotMessageFileDownloadHeaders(x_acs_dingtalk_access_token=access),
    runtime,
).body
said["download_url"] = link.download_url

cards = CardClient(config)
create = card.CreateAndDeliverRequest(
    card_template_id=TEMPLATE,
    out_track_id="ord-7-v1",
    callback_type="STREAM",
    card_data=card.CreateAndDeliverRequestCardData(card_param_map={"title": "订单 7", "markdown": "待审批"}),
    open_space_id="dtv1.card//IM_ROBOT.boss",
    im_robot_open_space_model=card.CreateAndDeliverRequestImRobotOpenSpaceModel(support_forward=False),
    im_robot_open_deliver_model=card.CreateAndDeliverRequestImRobotOpenDeliverModel(
        space_type="IM_ROBOT", robot_code="ding-app"
    ),
)
card_headers = card.CreateAndDeliverHeaders(x_acs_dingtalk_access_token=access)
made = cards.create_and_deliver_with_options(create, card_headers, runtime).body
said["delivered"] = [(r.space_type, r.space_id, r.success) for r in made.result.deliver_results]
try:
    cards.create_and_deliver_with_options(create, card_headers, runtime)
except TeaException as error:
    said["again"] = error.code

update = card.UpdateCardRequest(
    out_track_id="ord-7-v1",
    card_data=card.UpdateCardRequestCardData(card_param_map={"markdown": "已升级"}),
    card_update_options=card.UpdateCardRequestCardUpdateOptions(update_card_data_by_key=True),
)
update_headers = card.UpdateCardHeaders(x_acs_dingtalk_access_token=access)
said["updated"] = cards.update_card_with_options(update, update_headers, runtime).body.success

try:
    robots.batch_send_otowith_options(send, robot.BatchSendOTOHeaders(x_acs_dingtalk_access_token="stale"), runtime)
except TeaException as error:
    said["stale"] = error.code

print(json.dumps(said, ensure_ascii=False))
