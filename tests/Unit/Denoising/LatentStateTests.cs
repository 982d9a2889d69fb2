using System.Collections;
using System.Reflection;
using StableDiffusion.Denoising;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Denoising;

/// <summary>A denoising that was stopped, written and read goes on as if it never had been stopped.</summary>
public sealed class LatentStateTests
{
    private const int Steps = 9;

    private static readonly int[] s_shape = [1, 4, 4, 6];

    public static TheoryData<string> Schedulers() => [.. SchedulerCatalog.All.Select(info => info.Name)];

    public static TheoryData<string> StochasticSchedulers() => [.. SchedulerCatalog.All.Where(info => info.IsStochastic).Select(info => info.Name)];

    /// <remarks>A scheduler that keeps a part of its history elsewhere than in its buffers fails here.</remarks>
    [Theory]
    [MemberData(nameof(Schedulers))]
    public void A_run_that_was_stopped_at_any_step_ends_with_the_same_bytes(string scheduler)
    {
        Latent begun = ClosedFormRun.Begin(new() { Seed = 5, Steps = Steps, Scheduler = scheduler }, s_shape);
        CheckEachStop(begun);
    }

    [Theory]
    [MemberData(nameof(Schedulers))]
    public void All_that_a_scheduler_holds_comes_back(string scheduler)
    {
        Latent stopped = ClosedFormRun.Continue(ClosedFormRun.Begin(new() { Seed = 5, Steps = Steps, Scheduler = scheduler }, s_shape), steps: 5);
        Latent read = LatentFile.FromBytes(LatentFile.ToBytes(stopped));

        Assert.Empty(Differences(stopped.State!.Scheduler, read.State!.Scheduler, "scheduler"));
    }

    [Theory]
    [MemberData(nameof(StochasticSchedulers))]
    public void The_place_in_the_random_numbers_comes_back(string scheduler)
    {
        GenerationInfo info = new() { Seed = 5, Steps = 6, Scheduler = scheduler };
        CheckEachStop(ClosedFormRun.Begin(info with { RandomSource = nameof(RandomSource.Cuda) }, s_shape));
        CheckEachStop(ClosedFormRun.Begin(info with { BatchSize = 3, BatchIndex = 1 }, s_shape));
        CheckEachStop(ClosedFormRun.Begin(info with { EtaNoiseSeedDelta = 31337, VariationSeed = 4, VariationStrength = 0.3 }, s_shape));

        // So few values are drawn in pairs, of which one may be left.
        CheckEachStop(ClosedFormRun.Begin(info, [1, 1, 3, 5]));
    }

    [Theory]
    [MemberData(nameof(Schedulers))]
    public void A_run_on_a_part_of_an_image_ends_with_the_same_bytes(string scheduler)
    {
        GenerationInfo info = new() { Seed = 5, Steps = Steps, Scheduler = scheduler };
        CheckEachStop(ClosedFormRun.Begin(info, s_shape, strength: 0.7, isMasked: true));
    }

    [Theory]
    [MemberData(nameof(Schedulers))]
    public void A_run_with_any_options_ends_with_the_same_bytes(string scheduler)
    {
        SchedulerInfo entry = SchedulerCatalog.Find(scheduler);
        Random random = new(3);
        int compared = 0;
        for (int tried = 0; tried < 12; tried++)
        {
            Dictionary<string, object?> options = entry.Options.Where(_ => random.Next(3) == 0).ToDictionary(static option => option.Name, object? (option) => Choose(option, random));
            GenerationInfo info = new() { Seed = 5, Steps = 6, Scheduler = scheduler, SchedulerOptions = SchedulerOptionText.Write(options) };
            Latent begun;
            try
            {
                begun = ClosedFormRun.Begin(info, s_shape);
                ClosedFormRun.Continue(begun);
            }
            catch (Exception error) when (error is InvalidSettingException or NotFiniteException)
            {
                continue;
            }

            CheckEachStop(begun);
            compared++;
        }

        Assert.InRange(compared, 1, 12);
    }

    [Fact]
    public void A_scheduler_of_a_class_with_other_options_than_its_entries_comes_back()
    {
        SchedulerConfig config = SchedulerConfig.Parse("""{ "_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver", "solver_order": 1, "lower_order_final": false }""");
        Latent begun = ClosedFormRun.Begin(new() { Seed = 5, Steps = Steps, Scheduler = SchedulerCatalog.Default(config).Name }, s_shape, config: config);

        CheckEachStop(begun);
    }

    [Fact]
    public void Every_source_of_noise_keeps_its_place()
    {
        // The one of a scheduler with a path of its own is among the runs above.
        Type[] sources = [.. typeof(INoiseSource).Assembly.GetTypes().Where(type => type.IsAssignableTo(typeof(INoiseSource)) && !type.IsInterface)];
        Assert.Equal([typeof(BatchNoise), typeof(BrownianTreeNoise), typeof(PhiloxRandom), typeof(TorchRandom)], sources.OrderBy(type => type.Name, StringComparer.Ordinal));
    }

    private static void CheckEachStop(Latent begun)
    {
        float[] expected = ClosedFormRun.Continue(begun).Tensor.Values;
        for (Latent stopped = ClosedFormRun.Continue(begun, 1); stopped.State is not null; stopped = ClosedFormRun.Continue(stopped, 1))
        {
            Latent read = LatentFile.FromBytes(LatentFile.ToBytes(stopped));
            Assert.Equal((stopped.Step, stopped.StepCount, stopped.Info), (read.Step, read.StepCount, read.Info));
            Assert.Equal(expected, ClosedFormRun.Continue(read).Tensor.Values);
        }
    }

    private static object Choose(SchedulerOption option, Random random)
    {
        double lowest = Math.Max(option.Minimum, -2);
        double highest = Math.Min(option.Maximum, option.Name == "num_train_timesteps" ? 1000 : Math.Max(lowest, 2));
        return option.Kind switch
        {
            SchedulerOptionKind.Boolean => random.Next(2) == 0,
            SchedulerOptionKind.Choice => option.AllowedValues[random.Next(option.AllowedValues.Count)],
            SchedulerOptionKind.Integer => random.Next((int)lowest, (int)highest + 1),
            SchedulerOptionKind.NumberList => option.Name == "timesteps" ? new double[] { 981, 700, 500, 300, 100, 20 } : Enumerable.Range(0, 1000).Select(index => 0.0001 + (index * 1e-5)).ToArray(),
            _ => lowest + ((highest - lowest) * random.NextDouble()),
        };
    }

    /// <summary>The fields that differ between two objects, looked at to the bottom.</summary>
    private static IEnumerable<string> Differences(object? left, object? right, string path)
    {
        if (left is null || right is null)
            return left is null == right is null ? [] : [path];
        if (left.GetType() != right.GetType())
            return [path];
        if (left is string or IConvertible || left is Delegate)
            return left is Delegate || left.Equals(right) ? [] : [path];
        if (left is IEnumerable values)
        {
            object?[] others = [.. ((IEnumerable)right).Cast<object?>()];
            object?[] own = [.. values.Cast<object?>()];
            return own.Length != others.Length ? [path] : own.Zip(others).SelectMany((pair, index) => Differences(pair.First, pair.Second, $"{path}[{index}]"));
        }

        return FieldsOf(left.GetType()).SelectMany(field => Differences(field.GetValue(left), field.GetValue(right), $"{path}.{field.Name}"));
    }

    private static IEnumerable<FieldInfo> FieldsOf(Type? type) =>
        type is null ? [] : type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly).Concat(FieldsOf(type.BaseType));
}
