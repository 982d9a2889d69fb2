using StableDiffusion.Adapters;
using StableDiffusion.Building;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Adapters;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Running;

/// <summary>Graphs that are written with the changes of LoRAs, and kept.</summary>
[Collection(AloneCollection.Name)]
public sealed class AdaptedGraphTests(SharedModels models, MergedModelTests.ChangedModels changed) : LimitedCacheTests, IClassFixture<MergedModelTests.ChangedModels>
{
    [Fact]
    public void Graphs_are_written_once_for_a_set_of_LoRAs_and_strengths()
    {
        string lora = Copy();
        float[] plain = Run(null, 0), first = Run(lora, 1);
        Assert.NotEqual(plain, first);
        Assert.Equal(first, Run(lora, 1));
        Assert.Equal(2, Written());
        float[] weaker = Run(lora, 0.5);
        Assert.NotEqual(first, weaker);
        Assert.Equal(4, Written());

        // Another file under the same name and of the same length.
        byte[] bytes = File.ReadAllBytes(lora);
        bytes[^3] ^= 0x11;
        File.WriteAllBytes(lora, bytes);
        File.SetLastWriteTimeUtc(lora, DateTime.UtcNow.AddSeconds(5));
        Run(lora, 1);
        Assert.Equal(6, Written());
    }

    [Fact]
    public void Damaged_graphs_are_written_again()
    {
        string lora = Copy();
        float[] expected = Run(lora, 1);
        foreach (string file in Directory.EnumerateFiles(Folder["cache"], "*.onnx*", SearchOption.AllDirectories))
        {
            File.SetAttributes(file, FileAttributes.Normal);
            byte[] bytes = File.ReadAllBytes(file);
            bytes[bytes.Length / 2] ^= 1;
            File.WriteAllBytes(file, bytes);
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddSeconds(5));
        }

        Assert.Equal(expected, Run(lora, 1));
        Assert.Equal(4, Written());
    }

    [Fact]
    public void Without_room_the_error_says_so_and_nothing_is_left()
    {
        Environment.SetEnvironmentVariable(LimitVariable, "1");

        OutputWriteException error = Assert.Throws<OutputWriteException>(() => Run(Copy(), 1));

        Assert.Contains(LimitVariable, error.Message, StringComparison.Ordinal);
        Assert.Contains("copy:1", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Folder["cache"]) && Directory.EnumerateDirectories(Folder["cache"], "prepared-*").Any());
    }

    /// <summary>What is in use cannot give way yet, but must not fail the next image.</summary>
    [Fact]
    public void A_set_that_is_in_use_does_not_take_the_room_of_the_next_one()
    {
        string lora = Copy();
        Run(lora, 1);
        long length = Directory.EnumerateFiles(Folder["cache"], "*", SearchOption.AllDirectories).Sum(static file => new FileInfo(file).Length);
        Environment.SetEnvironmentVariable(LimitVariable, $"{(length * 3 / 2) / 1_000_000}");
        string used = Directory.EnumerateDirectories(Folder["cache"], "prepared-*").Single();
        using (new BuildCache(Folder["cache"]).Rent(Path.GetFileName(used), TestContext.Current.CancellationToken))
        {
            Run(lora, 0.5);
            Assert.Equal(2, Directory.EnumerateDirectories(Folder["cache"], "prepared-*").Count());
        }

        Run(lora, 0.25);
        Assert.Single(Directory.EnumerateDirectories(Folder["cache"], "prepared-*"));
    }

    private int Written() => Reports.Count(static report => report.Activity == AdaptedGraphs.Activity);

    private string Copy()
    {
        string lora = Folder["copy.safetensors"];
        File.Copy(changed.Build(ModelPrecision.Full, withConvolutions: true).Lora, lora);
        return lora;
    }

    private float[] Run(string? lora, double strength)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using DiffusionModel plain = new(ModelReader.Read(models.IntegerDemo, models.IntegerDemo, cancellation), Device.Cpu) { PreparedFolder = Folder["cache"], CacheFolder = StorageFolders.FromEnvironment().Cache };
        using DiffusionModel? adapted = lora is null ? null : new(plain, AdapterSet.Create([new Lora(lora, strength) { HasName = true }]));
        DiffusionPipeline pipeline = new(adapted ?? plain, Reports.Add);
        TextEmbedding prompt = new DiffusionPipeline(plain).EncodePrompt("a red house", cancellationToken: cancellation);
        return pipeline.Denoise(prompt, null, null, new DenoiseOptions { Seed = 1, Steps = 2, GuidanceScale = 1 }, cancellationToken: cancellation).Tensor.Values;
    }
}
