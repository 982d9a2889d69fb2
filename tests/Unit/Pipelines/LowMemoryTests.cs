using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>Parts of a model that are closed while others run.</summary>
[Collection(AloneCollection.Name)]
public sealed class LowMemoryTests(SharedModels models) : IDisposable
{
    private readonly List<string> _notes = [];
    private readonly List<string> _opened = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Environment.SetEnvironmentVariable(MemoryLimit.Variable, null);

    [Fact]
    public void Parts_are_closed_before_another_one_runs_and_the_image_is_the_same()
    {
        using DiffusionModel model = Open(models.Demo);
        byte[] expected = Make(Pipeline(model)).Pixels;
        Assert.Empty(_notes);
        _opened.Clear();

        Assert.Equal(expected, Make(Pipeline(model, lowMemory: true)).Pixels);
        Assert.Equal(
            [
                "Closed to free memory: U-Net, VAE decoder.",
                "Closed to free memory: text encoder.",
                "Closed to free memory: U-Net.",
            ],
            _notes);
        Assert.Equal(["Opening the U-Net", "Opening the VAE decoder"], _opened);
        Assert.Equal([ModelPart.VaeDecoder], model.CloseUnused(Cancellation));
        Assert.Empty(model.CloseUnused(Cancellation));
    }

    [Fact]
    public void A_part_in_use_is_not_closed()
    {
        using DiffusionModel model = Open(models.Demo);
        Make(Pipeline(model));
        using (model.Use(ModelPart.UNet))
        using (IDisposable twice = model.Use(ModelPart.VaeDecoder))
        {
            twice.Dispose();
            Assert.Equal([ModelPart.TextEncoder, ModelPart.VaeDecoder], model.CloseUnused(Cancellation));
        }

        Assert.Equal([ModelPart.UNet], model.CloseUnused(Cancellation));
    }

    [Fact]
    public void Parts_are_closed_by_themselves_where_the_memory_is_short()
    {
        using DiffusionModel model = Open(models.Demo);
        byte[] expected = Make(Pipeline(model)).Pixels;
        Assert.Empty(_notes);

        // The watch ends what takes more than the limit: the latent has enough room in tiles, and not as a whole.
        Latent latent = new(new Tensor(1, 4, 64, 64), new());
        Environment.SetEnvironmentVariable(MemoryLimit.Variable, $"{(MemoryWatch.UsedBytes() >> 20) + 250}");
        Assert.Equal(512, Pipeline(model).Decode(latent, new VaeOptions { Tiling = VaeTiling.On }, Cancellation).Width);
        Assert.Contains("Closed to free memory: text encoder, U-Net.", _notes);
        Environment.SetEnvironmentVariable(MemoryLimit.Variable, null);
        Assert.Equal(expected, Make(Pipeline(model)).Pixels);
    }

    [Fact]
    public void A_model_with_a_LoRA_closes_its_own_parts_and_those_that_it_shares()
    {
        using DiffusionModel plain = Open(models.Sd1);
        using DiffusionModel model = new(plain, AdapterSet.Create([new Lora(Repository.Data("adapters", "sd1-lora-kohya.safetensors"), 0.5)]));
        byte[] expected = Make(Pipeline(model)).Pixels;

        Assert.Equal(expected, Make(Pipeline(model, lowMemory: true)).Pixels);
        Assert.Equal([ModelPart.VaeDecoder], plain.CloseUnused(Cancellation));
        Assert.Empty(model.CloseUnused(Cancellation));
    }

    [Fact]
    public async Task Several_threads_close_and_open_parts_beside_each_other()
    {
        using DiffusionModel model = Open(models.Demo);
        byte[] expected = Make(Pipeline(model)).Pixels;

        byte[][] made = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(
            () =>
            {
                byte[] last = [];
                for (int i = 0; i < 5; i++)
                    last = Make(new DiffusionPipeline(model) { LowMemory = true }).Pixels;
                return last;
            },
            Cancellation)));

        Assert.All(made, pixels => Assert.Equal(expected, pixels));
    }

    private static DiffusionModel Open(string folder) => new(ModelReader.Read(folder, folder, Cancellation), Device.Cpu);

    private static DiffusionImage Make(DiffusionPipeline pipeline)
    {
        TextEmbedding prompt = pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        return pipeline.Decode(pipeline.Denoise(prompt, prompt, null, new DenoiseOptions { Seed = 1, Steps = 2 }, cancellationToken: Cancellation), Cancellation);
    }

    private DiffusionPipeline Pipeline(DiffusionModel model, bool lowMemory = false) =>
        new(model, report => NoteOpened(report), warning: null, _notes.Add) { LowMemory = lowMemory };

    private void NoteOpened(ProgressReport report)
    {
        if (report.Activity.StartsWith("Opening", StringComparison.Ordinal))
            _opened.Add(report.Activity);
    }
}
