// Tells the learning system that its registration window may be closed (LTI Dynamic Registration 1.0, 3.9).
document.getElementById("close").addEventListener("click", function () {
  const page = window.opener || window.parent;
  page.postMessage({ subject: "org.imsglobal.lti.close" }, this.dataset.origin);
});
