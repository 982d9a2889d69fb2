using System.Text.Json;
using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>LoRAs and embeddings over the single file of the tiny Stable Diffusion 1, against what diffusers made of them.</summary>
public sealed class AdapterReferenceTests(SharedModels models)
{
    /// <summary>The bound that comes with the reference, relative to the latent's mean magnitude.</summary>
    private const double LatentTolerance = 2e-3;

    private static readonly Lazy<JsonElement> s_reference = new(() =>
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Repository.Data("adapters", "adapters.json")));
        return document.RootElement.Clone();
    });

    public static TheoryData<string> Cases => [.. s_reference.Value.GetProperty("cases").EnumerateArray()
        .Where(item => item.GetProperty("kind").GetString() != "controlnet")
        .Select(item => item.GetProperty("latent").GetString()!)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void An_adapter_gives_the_latent_that_diffusers_gives(string name)
    {
        JsonElement item = s_reference.Value.GetProperty("cases").EnumerateArray().Single(item => item.GetProperty("latent").GetString() == name);
        string file = Repository.Data("adapters", item.GetProperty("file").GetString()!);
        DiffusionModel plain = models.Open(models.Sd1);
        if (item.GetProperty("kind").GetString() != "lora")
        {
            AssertLatent(name, Denoise(plain, item.GetProperty("prompt").GetString()!, new PromptOptions { TextualInversions = [TextualInversionFile.Load(file)] }));
            return;
        }

        using DiffusionModel adapted = new(plain, AdapterSet.Create(
            [new Lora(file, item.GetProperty("strength").GetDouble(), item.TryGetProperty("text_encoder_strength", out JsonElement text) ? text.GetDouble() : null)]));
        AssertLatent(name, Denoise(adapted));
        Assert.Equal(0, Assert.Single(adapted.MatchAdapters(null, TestContext.Current.CancellationToken)).Unmatched);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void An_adapter_that_is_written_to_files_gives_the_same(string name)
    {
        JsonElement item = s_reference.Value.GetProperty("cases").EnumerateArray().Single(item => item.GetProperty("latent").GetString() == name);
        if (item.GetProperty("kind").GetString() != "lora")
            return;

        using TemporaryFolder cache = new();
        using DiffusionModel plain = new(ModelReader.Read(models.Sd1, models.Sd1, TestContext.Current.CancellationToken), Device.Cpu) { AdaptsFiles = true, CacheFolder = StorageFolders.FromEnvironment().Cache, PreparedFolder = cache.Path };
        using DiffusionModel adapted = new(plain, AdapterSet.Create(
            [new Lora(Repository.Data("adapters", item.GetProperty("file").GetString()!), item.GetProperty("strength").GetDouble(), item.TryGetProperty("text_encoder_strength", out JsonElement text) ? text.GetDouble() : null)]));
        AssertLatent(name, Denoise(adapted));
        Assert.NotEmpty(Directory.EnumerateDirectories(cache.Path, "prepared-*"));
    }

    [Fact]
    public void The_model_without_adapters_stays_as_it_was()
    {
        DiffusionModel plain = models.Open(models.Sd1);
        using DiffusionModel adapted = new(plain, AdapterSet.Create([new Lora(Repository.Data("adapters", "sd1-lora-kohya.safetensors"))]));
        _ = Denoise(adapted);
        AssertLatent("base", Denoise(plain));
    }

    private static void AssertLatent(string name, Latent latent)
    {
        using SafetensorsFile reference = SafetensorsFile.Open(Repository.Data("adapters", "adapters.safetensors"));
        LatentCheck.AssertClose(reference.Read(name), latent, LatentTolerance);
    }

    private static Latent Denoise(DiffusionModel model, string? prompt = null, PromptOptions? options = null)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        JsonElement common = s_reference.Value.GetProperty("common");
        DiffusionPipeline pipeline = new(model);
        return pipeline.Denoise(
            pipeline.EncodePrompt(prompt ?? common.GetProperty("prompt").GetString()!, options, cancellation),
            pipeline.EncodePrompt(common.GetProperty("negative_prompt").GetString()!, cancellationToken: cancellation),
            null,
            new DenoiseOptions
            {
                Seed = common.GetProperty("seed").GetInt64(),
                Steps = common.GetProperty("num_inference_steps").GetInt32(),
                GuidanceScale = common.GetProperty("guidance_scale").GetDouble(),
                Width = common.GetProperty("width").GetInt32(),
                Height = common.GetProperty("height").GetInt32(),
                Scheduler = common.GetProperty("scheduler").GetString(),
            },
            cancellationToken: cancellation);
    }
}
