"""The command plan: predictions from given and from measured rates."""

import json

from harness import USAGE, ProgramTest, main, options

NETWORK = {"features": 784, "classes": 10, "hidden": 500}
MACHINE = {"flops": "1e11", "latency": "1e-6", "bandwidth": "1e10"}


class PlanTest(ProgramTest):
    def test_given_rates_need_no_launcher_and_no_data(self):
        file = self.folder / "plan.json"
        result = self.succeed("plan", *options(NETWORK | MACHINE | {"nodes": "1,4", "batch": 1000, "json": file}))
        plan = json.loads(file.read_text(encoding="utf-8"))
        self.assertIn("784-500-10", result.stdout)
        self.assertEqual([point["ranks"] for point in plan["strong"]], [1, 4])
        self.assertEqual([point["batch"] for point in plan["weak"]], [1000, 4000])
        self.assertLess(plan["strong"][1]["efficiency"], 1)
        for curve in (plan["strong"], plan["weak"]):
            self.assertEqual(curve[0]["efficiency"], 1)
            for point in curve:
                parts = sum(point[f"seconds_{part}"] for part in ("network", "update", "communication"))
                self.assertAlmostEqual(point["seconds"], parts)
        self.assertFalse(plan["rates"]["measured"])
        self.assertEqual(plan["rates"]["slowness"], 1)

    def test_rates_are_measured_between_the_ranks(self):
        file = self.folder / "plan.json"
        self.succeed("plan", *options(NETWORK | {"nodes": "1,2", "ranks_per_node": 2, "json": file}), ranks=2)
        plan = json.loads(file.read_text(encoding="utf-8"))
        self.assertTrue(plan["rates"]["measured"] and plan["interconnect"]["measured"])
        self.assertGreater(plan["interconnect"]["bandwidth_bytes"], 0)
        self.assertGreater(plan["rates"]["slowness"], 0.1)
        self.assertLessEqual({"normal", "activations", "dual", "dual-split"}, set(plan["strong"][0]["alternatives"]))

    def weak_curve(self, **changes):
        """The weak curve on machines of 1 TFLOP/s a rank, joined by links of 12.5 GB/s."""
        file = self.folder / "plan.json"
        machine = {"flops": "1e12", "latency": "2e-6", "bandwidth": "12.5e9", "topology": "1024x1", "json": file}
        result = self.succeed("plan", *options(machine | changes))
        return json.loads(file.read_text(encoding="utf-8"))["weak"], result.stdout

    def test_owners_bring_a_thousand_ranks_near_the_speed_of_sgd(self):
        network = {"features": 3072, "classes": 10, "hidden": "4000,1000,4000", "batch": 500}
        for wire, least in (("float32", 0.8), ("bfloat16", 0.9)):
            curve, text = self.weak_curve(**network, gram_every=10, gram_sample=8, wire=wire)
            one = self.weak_curve(**network)[0][0]["seconds"]
            self.assertGreaterEqual(one / curve[-1]["seconds"], least, text)
            self.assertEqual(len(set(curve[-1]["owners"].split(","))), 4)  # one each
        curve, _ = self.weak_curve(**network, gram_every=10, owners="all")
        self.assertEqual(curve[-1]["owners"], "none")
        self.assertLess(one / curve[-1]["seconds"], 0.8)

    def test_a_step_of_a_residual_network_is_nearly_as_short_as_that_of_sgd(self):
        curve, text = self.weak_curve(network="resnet18", shape="32x32x3", classes=10, batch=128)
        self.assertLessEqual(curve[-1]["seconds"], 1.05 * curve[-1]["sgd_seconds"], text)

    def test_a_topology_stands_for_nodes_and_ranks(self):
        curve, text = self.weak_curve(**NETWORK, batch=100, topology="6x4", node_bandwidth="1e11")
        self.assertEqual([(point["nodes"], point["ranks"]) for point in curve], [(1, 4), (2, 8), (4, 16), (6, 24)])
        for point in curve:
            self.assertLessEqual(point["best"]["seconds"], 1.051 * point["seconds"])
        self.assertIn("gram-every", text)
        for wrong in ("6", "0x4", "6x", "ax2"):
            self.fail_with(USAGE, ["--topology", wrong], "plan", *options(NETWORK | {"topology": wrong}))

    def test_one_rank_cannot_measure_messages(self):
        self.fail_with(USAGE, ["--latency"], "plan", *options(NETWORK | {"nodes": "2"}), ranks=1)

    def test_one_node_of_one_rank_needs_no_messages(self):
        self.succeed("plan", *options(NETWORK | {"nodes": "1"}))

    def test_a_gradient_step_of_the_network_is_measured_with_the_rates(self):
        network = "conv(4,3) norm relu maxpool(2) residual(conv(4,3) norm relu) meanpool dense(3)"
        result = self.succeed("plan", *options({"network": network, "shape": "8x8x1", "classes": 3, "batch": 5, "nodes": 1}))
        self.assertRegex(result.stdout, r"work +\d+\.\d\d times as long")


if __name__ == "__main__":
    main()
