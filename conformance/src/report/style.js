/** How the page looks, light and dark, from 320 px on. */
export const STYLE = `
:root{color-scheme:light dark;--text:#1d2127;--soft:#59616b;--line:#d5dae0;--page:#fff;--head:#f4f6f8;--good:#14672f;--lax:#0b5a92;--known:#805300;--bad:#a8201a;--link:#0b5a92}
@media(prefers-color-scheme:dark){:root{--text:#e5e8ec;--soft:#a3acb7;--line:#363c45;--page:#14171b;--head:#1d2127;--good:#74d394;--lax:#82c3f5;--known:#e8bd62;--bad:#ff9d94;--link:#82c3f5}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:70rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;line-height:1.2}h2{font-size:1.25rem;margin:2.2rem 0 .6rem}h3{font-size:1.05rem;margin:1.4rem 0 .2rem}h4{font-size:.95rem;margin:.8rem 0 .2rem}
a{color:var(--link)}code{font-size:.9em;overflow-wrap:anywhere}small,.form,summary{color:var(--soft);font-size:.85rem}
ul{padding-left:1.2rem;margin:.2rem 0}li{margin:.3rem 0}q{overflow-wrap:anywhere}
.wide{overflow-x:auto;border:1px solid var(--line);border-radius:6px}.wide:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;width:100%}caption{text-align:left;padding:.5rem .6rem;color:var(--soft);font-size:.85rem}caption span{display:inline-block;position:sticky;left:.6rem;max-width:calc(100vw - 3.5rem)}
th,td{border-top:1px solid var(--line);padding:.35rem .6rem;text-align:right;vertical-align:top;font-variant-numeric:tabular-nums}
thead th{background:var(--head);font-size:.85rem;vertical-align:bottom}
tr>:first-child{text-align:left;font-weight:400;position:sticky;left:0;background:var(--page);min-width:8rem}thead tr>:first-child{background:var(--head)}tfoot :is(th,td){font-weight:600}
td small{display:block;white-space:nowrap}td .of{color:var(--soft);font-weight:400}td i{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
td{position:relative}
.good{color:var(--good)}.lax{color:var(--lax)}.known{color:var(--known)}.bad{color:var(--bad)}.bad:is(td){font-weight:700}td.none,dt.none{color:var(--soft)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;margin:.8rem 0;font-size:.85rem}.legend div{display:flex;gap:.4rem}.legend dd{margin:0}.legend dt{font-weight:700}
section>details>summary{cursor:pointer;padding:.3rem 0}section>details>summary h3{display:inline;color:var(--text)}.ids{columns:22rem}
@media(max-width:30rem){th,td{padding:.3rem .4rem}tr>:first-child{min-width:6.5rem;max-width:9.5rem;overflow-wrap:anywhere}}
`;
