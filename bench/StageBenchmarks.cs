using BenchmarkDotNet.Attributes;

namespace StableDiffusion.Benchmarks;

/// <summary>The stages under BenchmarkDotNet, for what they allocate.</summary>
[MemoryDiagnoser]
public class StageBenchmarks
{
    private StageSet? _stages;
    private Action _engine = static () => { };
    private Action _bare = static () => { };

    /// <summary>The stages.</summary>
    public static IEnumerable<string> Stages => StageSet.Names;

    /// <summary>The stage to run.</summary>
    [ParamsSource(nameof(Stages))]
    public string Stage { get; set; } = string.Empty;

    /// <summary>Opens the model.</summary>
    [GlobalSetup]
    public void Open()
    {
        _stages = new StageSet();
        (_engine, _bare) = _stages[Stage];
    }

    /// <summary>Closes it.</summary>
    [GlobalCleanup]
    public void Close() => _stages?.Dispose();

    /// <summary>The engine's stage.</summary>
    [Benchmark]
    public void Engine() => _engine();

    /// <summary>The same runs of the graph in bare ONNX Runtime.</summary>
    [Benchmark(Baseline = true)]
    public void Bare() => _bare();
}
