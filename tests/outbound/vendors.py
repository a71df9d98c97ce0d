"""What vendors' server APIs and SDKs call, one URL or more for each; and what on the same hosts is no tracking.

The vendor's own page is named in its row of `gatekeeper/vendors/hosts.toml`.
"""

TRACKING = """
Google Analytics            https://www.google-analytics.com/mp/collect
Google Analytics            https://region9.analytics.google.com/g/collect
Google Analytics            https://google-analytics.com/collect
Google Ads                  https://googleads.googleapis.com/v26/customers/1:uploadClickConversions
Google Ads                  https://googleads.googleapis.com/v26/customers/1%3AuploadClickConversions
Google Ads                  https://www.google.de/pagead/1p-conversion/1/
Google Data Manager         https://datamanager.googleapis.com/v1/events:ingest
Google Campaign Manager 360 https://dfareporting.googleapis.com/dfareporting/v4/userprofiles/1/conversions/batchinsert
Google Floodlight           https://ad.doubleclick.net/activity;src=1;type=a
Google Tag Manager          https://www.googletagmanager.com/a
Google Analytics for Firebase https://app-measurement.com/a
Meta                        https://graph.facebook.com/v26.0/1/events
Meta                        https://z-m-graph.facebook.com/v26.0/1/events
Meta                        https://facebook.com/tr
Meta                        https://m.facebook.com/TR/
Meta                        https://www.facebook.com/%74r/
Meta                        https://graph.facebook.com/v26.0/55/users
TikTok                      https://business-api.tiktok.com/open_api/v1.3/event/track/
TikTok                      https://analytics.tiktok.com/api/v2/pixel
Sentry                      https://o1.ingest.us.sentry.io/api/42/envelope/
Sentry                      https://sentry.io/api/42/store/
GlitchTip                   https://app.glitchtip.com/api/4/envelope/
Bugsnag                     https://notify.bugsnag.com/
Rollbar                     https://api.rollbar.com/api/1/item/
Honeybadger                 https://api.honeybadger.io/v1/notices
Raygun                      https://api.raygun.com/entries
Airbrake                    https://api.airbrake.io/api/v3/projects/1/notices
TrackJS                     https://capture.trackjs.com/capture
AppSignal                   https://appsignal-endpoint.net/collect
Datadog RUM                 https://browser-intake-datadoghq.eu/api/v2/rum
Datadog                     https://http-intake.logs.datadoghq.com/api/v2/logs
New Relic                   https://insights-collector.newrelic.com/v1/accounts/1/events
New Relic                   https://bam.eu01.nr-data.net/events/1/x
Instabug                    https://api.instabug.com/api/sdk/v3/events
Highlight                   https://pub.highlight.io/v1/traces
PostHog                     https://eu.i.posthog.com/batch/
PostHog                     https://app.posthog.com/capture/
Segment                     https://api.segment.io/v1/batch
Segment                     https://events.eu1.segmentapis.com/v1/batch
RudderStack                 https://api.rudderlabs.com/v1/batch
RudderStack                 https://shop.dataplane.rudderstack.com/v1/batch
Mixpanel                    https://api-eu.mixpanel.com/track
Amplitude                   https://api2.amplitude.com/2/httpapi
Plausible                   https://plausible.io/api/event
Umami                       https://cloud.umami.is/api/send
Matomo                      https://shop.matomo.cloud/matomo.php
Piwik PRO                   https://shop.piwik.pro/ppms.php
Snowplow                    https://com-shop.collector.snplow.net/com.snowplowanalytics.snowplow/tp2
Heap                        https://heapanalytics.com/api/track
Heap                        https://c.eu.heap-api.com/api/integrations/track
Adobe Experience Platform   https://edge.adobedc.net/ee/v1/interact
Adobe Experience Platform   https://server.adobedc.net/ee/v2/interact
Adobe Experience Platform   https://dpm.demdex.net/id
Adobe Experience Platform   https://shop.sc.omtrdc.net/b/ss/x/0
Marketo                     https://123-abc-456.mktoresp.com/webevents/visitWebPage
Yandex Metrica              https://mc.yandex.ru/collect
Yandex Metrica              https://mc.yandex.com.tr/watch/1
Yandex Metrica              https://api-metrika.yandex.net/management/v1/counter/1/offline_conversions/upload
AppMetrica                  https://api.appmetrica.yandex.com/logs/v1/import/events.csv
Baidu Tongji                https://hm.baidu.com/hm.gif
Baidu Tongji                https://ocpc.baidu.com/ocpcapi/api/uploadConvertData
Naver Analytics             https://wcs.naver.com/m
mParticle                   https://s2s.mparticle.com/v2/events
Tealium                     https://collect.tealiumiq.com/event
Treasure Data               https://eu01.records.in.treasuredata.com/db/t
Lytics                      https://c.lytics.io/c/1
Freshpaint                  https://api.perfalytics.com/track
Hightouch                   https://us-east-1.hightouch-events.com/v1/track
Jitsu                       https://shop.d.jitsu.com/api/s/track
Bloomreach                  https://api.exponea.com/track/v2/projects/1/customers/events
Salesforce Personalization  https://shop.evergage.com/api2/event/a
Salesforce Account Engagement https://pi.pardot.com/analytics
Blueshift                   https://api.getblueshift.com/api/v1/event
Ortto                       https://api.ap3api.com/v1/activities/create
Pendo                       https://app.pendo.io/data/track
Gainsight PX                https://api.aptrinsic.com/v1/events/custom
Userpilot                   https://analytex.userpilot.io/v1/track
Appcues                     https://api.appcues.com/v1/accounts/1/users/2/events
Woopra                      https://www.woopra.com/track/ce
Kissmetrics                 https://trk.kissmetrics.io/e
Clicky                      https://in.getclicky.com/in.php
StatCounter                 https://c.statcounter.com/t.php
Chartbeat                   https://ping.chartbeat.net/ping
Parse.ly                    https://p1.pixel.parsely.com/plogger/
Fathom                      https://cdn.usefathom.com/
Simple Analytics            https://queue.simpleanalyticscdn.com/events
GoatCounter                 https://shop.goatcounter.com/api/v0/count
Pirsch                      https://api.pirsch.io/api/v1/hit
Countly                     https://shop.count.ly/i
Cloudflare Web Analytics    https://cloudflareinsights.com/cdn-cgi/rum
Vercel Analytics            https://vitals.vercel-insights.com/v1/vitals
Comscore                    https://sb.scorecardresearch.com/p
Quantcast                   https://pixel.quantserve.com/pixel
Nielsen                     https://secure-dcr.imrworldwide.com/cgi-bin/cg
Piano Analytics             https://logc1.xiti.com/event
Mapp                        https://track.wt-eu02.net/1/wt
econda                      https://www.econda-monitor.de/els/logging
LeadFeeder                  https://tr.lfeeder.com/
Clearbit                    https://reveal.clearbit.com/v1/companies/find
6sense                      https://epsilon.6sense.com/v3/company/details
Demandbase                  https://api.company-target.com/api/v2/ip.json
Koala                       https://api2.getkoala.com/web/projects/1/batch
Commanders Act              https://collect.commander1.com/events
Stape                       https://shop.stape.io/g/collect
Microsoft Clarity           https://k.clarity.ms/collect
Microsoft Clarity           https://www.clarity.ms/collect
FullStory                   https://api.fullstory.com/v2/events
FullStory                   https://rs.fullstory.com/rec/bundle
LogRocket                   https://r.lr-in.com/i
Hotjar                      https://in.hotjar.com/api/v2/client/sites/1/visit-data
Hotjar                      https://metrics.hotjar.io/
Contentsquare               https://c.contentsquare.net/pageview
Mouseflow                   https://o2.mouseflow.com/events
Smartlook                   https://web-writer.eu.smartlook.cloud/rec
Quantum Metric              https://ingest.quantummetric.com/horizon
Lucky Orange                https://in.visitors.live/
Crazy Egg                   https://tracking.crazyegg.com/clock
Statsig                     https://events.statsigapi.net/v1/log_event
LaunchDarkly                https://events.launchdarkly.com/bulk
Optimizely                  https://logx.optimizely.com/v1/events
Optimizely Data Platform    https://api.zaius.com/v3/events
VWO                         https://dev.visualwebsiteoptimizer.com/events/t
AB Tasty                    https://ariane.abtasty.com/
Kameleoon                   https://eu-data.kameleoon.eu/visit/events
Convert                     https://1.metrics.convertexperiments.com/track/1
GrowthBook                  https://us1.gb-ingest.com/track
Dynamic Yield               https://direct.dy-api.com/v2/collect/user/event
Split                       https://events.split.io/api/events
Algolia Insights            https://insights.algolia.io/1/events
Constructor                 https://ac.cnstrc.com/v2/behavioral_action/purchase
Coveo                       https://analytics.cloud.coveo.com/rest/ua/v15/analytics/view
Klaviyo                     https://a.klaviyo.com/api/events/
Klaviyo                     https://a.klaviyo.com/client/events/
Klaviyo                     https://a.klaviyo.com/api/track
HubSpot                     https://api.hubapi.com/events/v3/send
HubSpot                     https://track.hubspot.com/__ptq.gif
Customer.io                 https://track.customer.io/api/v1/customers/5/events
Customer.io                 https://cdp.customer.io/v1/track
Intercom                    https://api.intercom.io/events
Braze                       https://rest.fra-01.braze.eu/users/track
Braze                       https://sdk.iad-01.braze.com/api/v3/data
Iterable                    https://api.iterable.com/api/events/track
OneSignal                   https://api.onesignal.com/apps/1/custom_events
Airship                     https://go.urbanairship.com/api/custom-events
Batch                       https://api.batch.com/2.1/profiles/update
MoEngage                    https://api-01.moengage.com/v1/event/APP
CleverTap                   https://eu1.api.clevertap.com/1/upload
WebEngage                   https://api.webengage.com/v1/accounts/1/events
Insider                     https://unification.useinsider.com/api/user/v1/upsert
Emarsys                     https://recommender.scarabresearch.com/merchants/1/
Brevo                       https://in-automate.brevo.com/api/v2/trackEvent
Mailchimp                   https://us1.api.mailchimp.com/3.0/lists/1/members/2/events
ActiveCampaign              https://trackcmp.net/event
Drip                        https://api.getdrip.com/v2/1/events
Omnisend                    https://api.omnisend.com/v5/events
Attentive                   https://api.attentivemobile.com/v1/events/custom
Postscript                  https://api.postscript.io/api/v2/events
Vero                        https://api.getvero.com/api/v2/events/track
Userlist                    https://push.userlist.com/events
Encharge                    https://ingest.encharge.io/v1/
Loops                       https://app.loops.so/api/v1/events/send
Leanplum                    https://api.leanplum.com/api
Branch                      https://api2.branch.io/v2/event/standard
Adjust                      https://s2s.adjust.com/event
AppsFlyer                   https://api3.appsflyer.com/inappevent/id1
Singular                    https://s2s.singular.net/api/v1/evt
Kochava                     https://control.kochava.com/track/json
Tenjin                      https://track.tenjin.com/v0/event
Triple Whale                https://api.triplewhale.com/api/v2/data-in/event
Pinterest                   https://api.pinterest.com/v5/ad_accounts/1/events
Snap                        https://tr.snapchat.com/v3/1/events
LinkedIn                    https://api.linkedin.com/rest/conversionEvents
LinkedIn                    https://px.ads.linkedin.com/collect
Microsoft Advertising       https://bat.bing.com/action/0
Reddit                      https://ads-api.reddit.com/api/v2.0/conversions/events/1
X                           https://ads-api.x.com/12/measurement/conversions/1
X                           https://t.co/i/adsct
Criteo                      https://widget.criteo.com/m/event
Amazon Ads                  https://advertising-api-eu.amazon.com/events/v1
Taboola                     https://trc.taboola.com/actions-handler/log/3/s2s-action
Outbrain                    https://tr.outbrain.com/unifiedPixel
Quora                       https://q.quora.com/_/ad/1/pixel
Yahoo                       https://sp.analytics.yahoo.com/sp.pl
The Trade Desk              https://insight.adsrvr.org/track/realtimeconversion
Xandr                       https://ib.adnxs.com/pixie
AdRoll                      https://d.adroll.com/pixel
RTB House                   https://creativecdn.com/tags
Teads                       https://t.teads.tv/track
StackAdapt                  https://tags.srv.stackadapt.com/conv
Nextdoor                    https://ads.nextdoor.com/v2/api/conversions/track
Spotify Ads                 https://pixels.spotify.com/v1/ingest
LINE                        https://tr.line.me/tag.gif
VK                          https://vk.com/rtrg
AppLovin                    https://b.applovin.com/v1/event
LiveRamp                    https://idsync.rlcdn.com/1.gif
Awin                        https://www.awin1.com/sread.php
CJ                          https://www.emjcd.com/u
Rakuten Advertising         https://track.linksynergy.com/ep
Impact                      https://api.impact.com/Advertisers/1/Conversions
Partnerize                  https://prf.hn/conversion/
Tradedoubler                https://tbs.tradedoubler.com/report
ShareASale                  https://www.shareasale.com/sale.cfm
Airbridge                   https://core.airbridge.io/api/v4/apps/shop/events/web/9360
Bombora                     https://ml314.com/utsync.ashx
Dotdigital                  https://r1.trackedweb.net/track
Ensighten                   https://nexus.ensighten.com/error/e.gif
Firebase Crashlytics        https://crashlyticsreports-pa.googleapis.com/v1/firelog/legacy/log
ID5                         https://id5-sync.com/g/v2/1.json
Inspectlet                  https://hn.inspectlet.com/ginit/1
Kakao                       https://bc.ad.daum.net/bc
Keen                        https://api.keen.io/3.0/projects/1/events/purchase
Lotame                      https://bcp.crwdcntrl.net/map
Monetate                    https://engine.monetate.net/api/engine/v1/decide/shop
Northbeam                   https://i.northbeam.io/e
Nosto                       https://connect.nosto.com/ev1
Oracle BlueKai              https://tags.bluekai.com/site/1
Swrve                       https://1.api.swrve.com/1/batch
etracker                    https://www.etracker.de/dc.php
Tapfiliate                  https://api.tapfiliate.com/1.6/conversions/
"""

NOT_TRACKING = """
sign-in by Facebook         https://graph.facebook.com/v26.0/oauth/access_token
sign-in by Facebook         https://graph.facebook.com/v26.0/me
sign-in by Facebook         https://www.facebook.com/v26.0/dialog/oauth
WhatsApp message            https://graph.facebook.com/v26.0/106540352242922/messages
WhatsApp media              https://graph.facebook.com/v26.0/106540352242922/media
WhatsApp template           https://graph.facebook.com/v26.0/102290129340398/message_templates
page post                   https://graph.facebook.com/v26.0/4/feed
page photo                  https://graph.facebook.com/v26.0/4/photos
Instagram post              https://graph.facebook.com/v26.0/17841400008460056/media_publish
ads report                  https://graph.facebook.com/v26.0/act_1/insights
sign-in by Google           https://accounts.google.com/o/oauth2/v2/auth
sign-in by Google           https://oauth2.googleapis.com/token
sign-in by Google           https://www.googleapis.com/oauth2/v3/userinfo
Drive                       https://www.googleapis.com/drive/v3/files/1
Drive                       https://drive.google.com/uc
Drive upload                https://www.googleapis.com/upload/drive/v3/files
Maps                        https://maps.googleapis.com/maps/api/geocode/json
Maps                        https://www.google.com/maps/embed/v1/place
reCAPTCHA                   https://www.google.com/recaptcha/api/siteverify
reCAPTCHA                   https://recaptchaenterprise.googleapis.com/v1/projects/p/assessments
search                      https://www.google.co.uk/search
Ads report                  https://googleads.googleapis.com/v26/customers/1/googleAds:search
tag script                  https://www.googletagmanager.com/gtm.js
sign-in by LinkedIn         https://www.linkedin.com/oauth/v2/accessToken
sign-in by LinkedIn         https://api.linkedin.com/v2/userinfo
LinkedIn post               https://api.linkedin.com/rest/posts
sign-in by TikTok           https://open.tiktokapis.com/v2/oauth/token/
TikTok campaigns            https://business-api.tiktok.com/open_api/v1.3/campaign/get/
sign-in by X                https://api.x.com/2/oauth2/token
sign-in by Yandex           https://login.yandex.ru/info
sign-in by VK               https://id.vk.com/oauth2/auth
Pinterest pins              https://api.pinterest.com/v5/pins
sign-in by Pinterest        https://api.pinterest.com/v5/oauth/token
Reddit campaigns            https://ads-api.reddit.com/api/v3/ad_accounts/1/campaigns
HubSpot contact             https://api.hubapi.com/crm/v3/objects/contacts
HubSpot deal                https://api.hubapi.com/crm/v3/objects/deals/1/associations/contacts/2
HubSpot form                https://api.hsforms.com/submissions/v3/integration/submit/1/2
HubSpot single mail         https://api.hubapi.com/marketing/v3/transactional/single-email/send
Salesforce contact          https://shop.my.salesforce.com/services/data/v60.0/sobjects/Contact
sign-in by Salesforce       https://login.salesforce.com/services/oauth2/token
Marketo lead                https://123-ABC-456.mktorest.com/rest/v1/leads.json
Klaviyo template            https://a.klaviyo.com/api/template-render/
Klaviyo template            https://a.klaviyo.com/api/v1/email-template/AbC/send
Klaviyo profile             https://a.klaviyo.com/api/profiles/
Klaviyo list                https://a.klaviyo.com/api/lists/
Customer.io mail            https://api.customer.io/v1/send/email
Customer.io mail            https://api-eu.customer.io/v1/send/email
Customer.io suppression     https://track.customer.io/api/v1/customers/5/suppress
Braze mail                  https://rest.fra-01.braze.eu/transactional/v1/campaigns/1/send
Braze message               https://rest.iad-01.braze.com/messages/send
Braze erasure               https://rest.iad-01.braze.com/users/delete
Iterable mail               https://api.iterable.com/api/email/target
Brevo mail                  https://api.brevo.com/v3/smtp/email
Mailchimp member            https://us1.api.mailchimp.com/3.0/lists/1/members
Mandrill mail               https://mandrillapp.com/api/1.0/messages/send
SendGrid mail               https://api.sendgrid.com/v3/mail/send
Loops mail                  https://app.loops.so/api/v1/transactional
OneSignal notification      https://api.onesignal.com/notifications
Intercom conversation       https://api.intercom.io/conversations
Intercom contact            https://api.intercom.io/contacts
Adjust erasure              https://gdpr.adjust.com/forget_device
Heap erasure                https://heapanalytics.com/api/public/v0/user_deletion
Clarity report              https://www.clarity.ms/export-data/api/v1/project-live-insights
Sentry's web API            https://sentry.io/api/0/projects/org/shop/issues/
PostHog's API               https://app.posthog.com/api/projects/1/insights/
Plausible's API             https://plausible.io/api/v2/query
Amplitude's export          https://amplitude.com/api/2/export
Mixpanel's query            https://mixpanel.com/api/query/insights
Datadog's metrics           https://api.datadoghq.com/api/v2/series
Statsig's rules             https://api.statsig.com/v1/download_config_specs
VWO's rules                 https://dev.visualwebsiteoptimizer.com/server-side/settings
Algolia search              https://APP-dsn.algolia.net/1/indexes/products/query
Branch deep link            https://api2.branch.io/v1/url
Stripe                      https://api.stripe.com/v1/payment_intents
S3                          https://shop.s3.eu-central-1.amazonaws.com/events/1.json
"""


def pairs(text):
    """(name, host, path) of each line."""
    for line in text.strip().splitlines():
        name, _, url = line.rpartition(" ")
        host, slash, path = url.removeprefix("https://").partition("/")
        yield name.strip(), host, slash + path
