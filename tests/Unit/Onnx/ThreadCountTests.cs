using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Onnx;

/// <summary>The number of threads of a run, which follows the processors that the process may use.</summary>
[Collection(AloneCollection.Name)]
public sealed class ThreadCountTests
{
    private const string Variable = "STABLEDIFFUSION_THREADS";

    [Theory]
    [InlineData(8, 8, false, 0)]
    [InlineData(2, 64, false, 2)]
    [InlineData(2, 64, true, 2)]
    [InlineData(32, 64, true, 0)]
    [InlineData(63, 64, true, 0)]
    [InlineData(4, null, false, 0)]
    public void Fewer_processors_than_the_machine_has_are_that_many_threads(int usable, int? all, bool isPaired, int expected) => Assert.Equal(expected, ThreadCount.Choose(usable, all, isPaired));

    [Theory]
    [InlineData("0\n", 1)]
    [InlineData("0-63\n", 64)]
    [InlineData("0-3,8,10-11", 7)]
    [InlineData("", null)]
    [InlineData("3-1", null)]
    [InlineData("0-1-2", null)]
    public void A_list_of_processors_is_counted(string list, int? expected) => Assert.Equal(expected, ThreadCount.Count(list));

    [Fact]
    public void The_variable_sets_the_number()
    {
        Device before = Device.Cpu;
        StageMaker made = StageMaker.Cpu;
        Assert.InRange(ThreadCount.Current, 1, Environment.ProcessorCount);
        Assert.Equal(ThreadCount.Current, before.Threads);
        Assert.Equal(0, new Device(DeviceKind.Cuda).Threads);
        Environment.SetEnvironmentVariable(Variable, "3");
        try
        {
            Assert.Equal(3, ThreadCount.Current);
            Assert.Equal((3, 3), (Device.Cpu.Threads, StageMaker.Cpu.Threads));
            Assert.NotEqual(before, Device.Cpu);
            Assert.Equal(made with { Threads = 3 }, StageMaker.Cpu);
            Assert.EndsWith(", 3 threads", StageMaker.Cpu.ToString(), StringComparison.Ordinal);
            Assert.Equal(3, ThreadCount.Option(3));
            Environment.SetEnvironmentVariable(Variable, "99999999");
            Assert.Equal(1024, ThreadCount.Current);
            Environment.SetEnvironmentVariable(Variable, "0");
            Assert.Throws<InvalidSettingException>(() => Device.Cpu);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }
    }

    /// <summary>Only the number of threads of one device replaces an open model.</summary>
    [Fact]
    public void Models_on_two_cards_stay_open_side_by_side()
    {
        ModelLibrary library = new(StorageFolders.FromEnvironment());
        library.CloseModels();
        foreach (int card in (int[])[0, 1, 0])
            library.Open(Repository.DemoModel, new Device(DeviceKind.Cuda, card)).Dispose();
        Assert.Equal(2, library.CloseModels());
    }

    /// <summary>An open model takes the number at its next use, and one record has one number.</summary>
    [Fact]
    public void A_model_is_opened_anew_for_another_number()
    {
        ModelLibrary library = new(StorageFolders.FromEnvironment());
        library.CloseModels();
        GenerationInfo[] infos = [.. ((string?[])[null, "1", "3", null]).Select(count =>
        {
            Environment.SetEnvironmentVariable(Variable, count);
            try
            {
                using ModelLease lease = library.Open(Repository.DemoModel);
                return new DiffusionPipeline(lease.Model).Decode(new DiffusionPipeline(lease.Model).Denoise(new DiffusionPipeline(lease.Model).EncodePrompt("a red house"), null, null, new DenoiseOptions { Seed = 1, Steps = 1 })).Info;
            }
            finally
            {
                Environment.SetEnvironmentVariable(Variable, null);
            }
        })];

        int cores = ThreadCount.Current;
        Assert.Equal([cores, 1, 3, cores], infos.Select(static info => Assert.Single(info.Stages!.WithInputs().Select(static stage => stage.Made!.Threads).Distinct())));
        Assert.Equal(1, library.CloseModels());
    }
}
