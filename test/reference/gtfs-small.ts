/** A small GTFS feed with all the files of Fares V2, sound, for tests to break in one place. */
import type { Texts } from './gtfs-feeds.ts';

export const small: Texts = {
  agency: 'agency_name,agency_url,agency_timezone\nTest,http://t,Europe/Berlin\n',
  stops: `stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station
hub,Hub,52.5,13.4,1,
hub1,Hub,52.5,13.4,0,hub
hub2,Hub,52.5,13.4,0,hub
door,Hub door,52.5,13.4,2,hub
east,East,52.5,13.5,0,
west,West,52.5,13.3,0,
`,
  routes: 'route_id,route_short_name,route_type\nU1,U1,1\nB1,B1,3\n',
  networks: 'network_id,network_name\nmetro,Metro\nbus,Bus\n',
  route_networks: 'network_id,route_id\nmetro,U1\nbus,B1\n',
  calendar: `service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date
work,1,1,1,1,1,0,0,20260101,20261231
`,
  calendar_dates: 'service_id,date,exception_type\nwork,20261225,2\n',
  timeframes: `timeframe_group_id,start_time,end_time,service_id
peak,07:00:00,09:00:00,work
peak,16:00:00,18:00:00,work
`,
  rider_categories: `rider_category_id,rider_category_name,is_default_fare_category
adult,Adult,1
senior,Senior,0
`,
  fare_media: 'fare_media_id,fare_media_name,fare_media_type\ncard,Card,2\ncash,,0\n',
  fare_products: `fare_product_id,fare_product_name,rider_category_id,fare_media_id,amount,currency
single,Single,adult,card,2.80,EUR
single,Single,senior,card,1.40,EUR
single,Single,adult,cash,3.20,EUR
cheap,Off peak,,,2.00,EUR
change,Change,,,0.50,EUR
`,
  fare_leg_rules: `leg_group_id,network_id,from_area_id,to_area_id,from_timeframe_group_id,to_timeframe_group_id,fare_product_id,rule_priority
ride,metro,,,peak,,single,1
ride,metro,,,,,cheap,
bus,bus,inner,outer,,,single,
`,
  fare_leg_join_rules:
    'from_network_id,to_network_id,from_stop_id,to_stop_id\nmetro,metro,hub,east\n',
  fare_transfer_rules: `from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,fare_transfer_type,fare_product_id
ride,ride,1,3600,1,0,
ride,bus,,,,1,change
`,
  areas: 'area_id,area_name\ninner,Inner\nouter,Outer\n',
  stop_areas: 'area_id,stop_id\ninner,hub\nouter,east\n',
};

/** The same with fares of version 1 alone. */
export const smallV1: Texts = {
  agency: small.agency!,
  stops: `stop_id,stop_name,stop_lat,stop_lon,zone_id
a,A,1,1,z1
b,B,1,1,z2
c,C,1,1,z3
d,D,1,1,z1
`,
  routes: 'route_id,route_short_name,route_type\nR1,R1,3\nR2,R2,3\nR3,R3,3\n',
  fare_attributes: `fare_id,price,currency_type,payment_method,transfers,agency_id,transfer_duration
town,2.00,EUR,0,1,,3600
two,3.50,EUR,1,,,
three,5.00,EUR,1,0,,
express,9.00,EUR,0,0,,
`,
  fare_rules: `fare_id,route_id,origin_id,destination_id,contains_id
town,,z1,z1,
two,,,,z1
two,,,,z2
three,,,,z1
three,,,,z2
three,,,,z3
express,R3,,,
`,
};
