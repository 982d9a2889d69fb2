using Microsoft.ML.OnnxRuntime;

namespace StableDiffusion.Benchmarks;

/// <summary>What the options of a session are worth on this machine: threads that spin while they wait, and the level of optimisation.</summary>
internal static class SessionRows
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(4);

    /// <summary>The options to compare; the first are the engine's own.</summary>
    private static readonly (string Name, GraphOptimizationLevel Level, bool Spins)[] s_options =
    [
        ("as the engine", GraphOptimizationLevel.ORT_ENABLE_ALL, false),
        ("spinning threads", GraphOptimizationLevel.ORT_ENABLE_ALL, true),
        ("extended optimisations", GraphOptimizationLevel.ORT_ENABLE_EXTENDED, false),
    ];

    /// <summary>The graphs; opening does not depend on the size of the pictures, so one size of each shows it.</summary>
    private static readonly (string Name, bool ShowsOpening, Func<SessionOptions, BareGraph> Open)[] s_graphs =
    [
        ("U-Net, 64x64", true, options => DemoModel.UNet(options, 64)),
        ("U-Net, 256x256", false, options => DemoModel.UNet(options, 256)),
        ("VAE decoder, 64x64", true, options => DemoModel.VaeDecoder(options, 64)),
        ("VAE decoder, 256x256", false, options => DemoModel.VaeDecoder(options, 256)),
    ];

    public static IEnumerable<Row> Measure()
    {
        foreach ((string name, bool showsOpening, Func<SessionOptions, BareGraph> open) in s_graphs)
        {
            BareGraph[] graphs = [.. s_options.Select(option => Open(option, open))];
            Interleaved runs = Interleaved.Run(s_limit, graphs.Select(graph => (Action)graph.Run).ToArray());
            foreach (BareGraph graph in graphs)
                graph.Dispose();
            for (int i = 1; i < s_options.Length; i++)
                yield return Compare($"run of the {name}: {s_options[i].Name}", runs, i);

            if (!showsOpening)
                continue;

            Interleaved openings = Interleaved.Run(
                s_limit, s_options.Select(option => (Action)(() => Open(option, open).Dispose())).ToArray());
            for (int i = 1; i < s_options.Length; i++)
                yield return Compare($"opening of the {name}: {s_options[i].Name}", openings, i);
        }
    }

    private static Row Compare(string name, Interleaved times, int option) => new(name, $"{times.Median(option):F2} ms")
    {
        Beside = $"{times.Median(0):F2} ms, {s_options[0].Name}",
        Compared = $"{times.Ratio(option, 0):F3} x ({times.Rounds} rounds)",
        Processor = $"{times.ProcessorRatio(option, 0):F3} x",
    };

    private static BareGraph Open((string Name, GraphOptimizationLevel Level, bool Spins) option, Func<SessionOptions, BareGraph> open)
    {
        using SessionOptions options = new() { GraphOptimizationLevel = option.Level };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", option.Spins ? "1" : "0");
        return open(options);
    }
}
