using System.Text.Json.Nodes;
using StableDiffusion.Families;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Pipelines;
using StableDiffusion.Weights;

namespace StableDiffusion.Tests.Families;

/// <summary>The reference's single files against the configs and the folder that diffusers wrote of the same models.</summary>
public sealed class ReferenceCheckpointTests : IDisposable
{
    // What a config says beside the form: who wrote it, how the model was trained, and options that are off. The sizes
    // are those of the published models, which the reference's tiny ones do not keep to.
    private static readonly HashSet<string> s_beside =
    [
        "_diffusers_version", "sample_size", "addition_embed_type_num_heads", "attention_type", "class_embeddings_concat", "dropout",
        "dual_cross_attention", "resnet_out_scale_factor", "resnet_skip_time_act", "attention_dropout", "architectures", "dtype",
        "initializer_factor", "initializer_range", "transformers_version", "clip_sample_range", "dynamic_thresholding_ratio",
        "sample_max_value", "final_sigmas_type", "timestep_type", "use_beta_sigmas", "use_exponential_sigmas",
    ];

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string> Files { get; } = new()
    {
        { "sd1", "sd1-tiny.safetensors" },
        { "sd1-inpaint", "sd1-inpaint-tiny.safetensors" },
        { "sd2", "sd2-v-tiny.safetensors" },
        { "sdxl", "sdxl-tiny.safetensors" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("sd1", "sd1-tiny.safetensors", nameof(StableDiffusion1), ModelVariant.TextToImage, "epsilon")]
    [InlineData("sd1-inpaint", "sd1-inpaint-tiny.safetensors", nameof(StableDiffusion1), ModelVariant.Inpainting, "epsilon")]
    [InlineData("sd2", "sd2-v-tiny.safetensors", nameof(StableDiffusion2), ModelVariant.TextToImage, "v_prediction")]
    [InlineData("sdxl", "sdxl-tiny.safetensors", nameof(StableDiffusionXL), ModelVariant.TextToImage, "epsilon")]
    internal void The_family_is_recognised(string family, string name, string expected, ModelVariant variant, string prediction)
    {
        using SafetensorsFile file = Open(family, name);

        Checkpoint checkpoint = Checkpoint.Open(file);

        Assert.Equal(expected, checkpoint.Family.Name);
        Assert.Equal(variant, checkpoint.Variant);
        Assert.Equal(prediction, checkpoint.PredictionType.Name);
        Assert.DoesNotContain(checkpoint.Findings, finding => finding.Kind is CheckpointFindingKind.ExtraTensors or CheckpointFindingKind.VaeMissing);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_configs_say_what_diffusers_wrote(string family, string name)
    {
        using SafetensorsFile file = Open(family, name);

        Checkpoint checkpoint = Checkpoint.Open(file);

        (string Path, JsonObject? Config)[] parts =
        [
            ("unet/config.json", checkpoint.Find(ModelParts.UNet)!.Config),
            ("text_encoder/config.json", checkpoint.Find(ModelParts.TextEncoder)?.Config),
            ("text_encoder_2/config.json", checkpoint.Find(ModelParts.TextEncoder2)?.Config),
            ("vae/config.json", checkpoint.Find(ModelParts.Vae)?.Config),
            ("scheduler/scheduler_config.json", checkpoint.SchedulerConfig),
        ];
        int compared = 0;
        foreach ((string path, JsonObject? config) in parts)
        {
            string reference = Path.Combine(FamilyReference.Find(family), path);
            if (!File.Exists(reference))
                continue;

            Assert.NotNull(config);
            foreach ((string key, JsonNode? expected) in JsonNode.Parse(File.ReadAllText(reference))!.AsObject())
            {
                if (s_beside.Contains(key))
                    continue;
                Assert.True(JsonNode.DeepEquals(expected, config[key]), $"{path} says {key} {config[key]?.ToJsonString()}, and diffusers {expected?.ToJsonString()}.");
                compared++;
            }
        }

        Assert.True(compared >= 30, $"Only {compared} keys were compared.");
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_graphs_find_every_weight_in_its_shape(string family, string name)
    {
        using SafetensorsFile file = Open(family, name);
        Checkpoint checkpoint = Checkpoint.Open(file);

        foreach (CheckpointPart encoder in new[] { checkpoint.Find(ModelParts.TextEncoder), checkpoint.Find(ModelParts.TextEncoder2) }.OfType<CheckpointPart>())
        {
            Recorder texts = new(encoder.Weights);
            _ = new ClipTextGraph(texts, ClipTextConfig.Read(Write(encoder.Config)));
            AssertAllAsked(texts, encoder, "text_projection.weight");
        }

        Recorder noise = new(checkpoint.Find(ModelParts.UNet)!.Weights);
        _ = new UNetGraph(noise, UNetConfig.Read(Write(WithoutTextTime(checkpoint.Find(ModelParts.UNet)!.Config))));
        AssertAllAsked(noise, checkpoint.Find(ModelParts.UNet)!, "add_embedding.linear_1.weight", "add_embedding.linear_1.bias", "add_embedding.linear_2.weight", "add_embedding.linear_2.bias");

        CheckpointPart vae = Assert.IsType<CheckpointPart>(checkpoint.Find(ModelParts.Vae));
        Recorder pictures = new(vae.Weights);
        VaeConfig vaeConfig = VaeConfig.Read(Write(vae.Config));
        _ = new VaeEncoderGraph(pictures, vaeConfig);
        _ = new VaeDecoderGraph(pictures, vaeConfig);
        AssertAllAsked(pictures, vae);
    }

    [Fact]
    public void A_single_file_and_a_diffusers_folder_of_one_model_hold_the_same_weights_bit_for_bit()
    {
        using SafetensorsFile file = Open("sd1", "sd1-tiny.safetensors");
        Checkpoint checkpoint = Checkpoint.Open(file);

        AssertSame(checkpoint.Find(ModelParts.TextEncoder)!, "text_encoder/model.safetensors");
        AssertSame(checkpoint.Find(ModelParts.UNet)!, "unet/diffusion_pytorch_model.safetensors");
        AssertSame(checkpoint.Find(ModelParts.Vae)!, "vae/diffusion_pytorch_model.safetensors");
    }

    [Theory]
    [InlineData("sd2", "sd2-v-tiny.safetensors", "cond_stage_model.model", 64)]
    [InlineData("sdxl", "sdxl-tiny.safetensors", "conditioner.embedders.1.model", 128)]
    public void The_projections_of_an_OpenCLIP_attention_are_the_thirds_of_its_matrix(string family, string name, string prefix, int width)
    {
        using SafetensorsFile file = Open(family, name);
        Checkpoint checkpoint = Checkpoint.Open(file);
        IWeights weights = (checkpoint.Find(ModelParts.TextEncoder2) ?? checkpoint.Find(ModelParts.TextEncoder))!.Weights;
        float[] packed = file.Read($"{prefix}.transformer.resblocks.1.attn.in_proj_weight").Values.ToArray();
        float[] packedBias = file.Read($"{prefix}.transformer.resblocks.1.attn.in_proj_bias").Values.ToArray();

        string[] parts = ["q_proj", "k_proj", "v_proj"];
        for (int i = 0; i < parts.Length; i++)
        {
            string path = $"text_model.encoder.layers.1.self_attn.{parts[i]}";
            Assert.Equal(packed[(i * width * width)..((i + 1) * width * width)], ReadAll(weights, $"{path}.weight"));
            Assert.Equal(packedBias[(i * width)..((i + 1) * width)], ReadAll(weights, $"{path}.bias"));
        }

        // A part of a part, as graphs read them.
        float[] row = new float[width];
        weights.Read("text_model.encoder.layers.1.self_attn.v_proj.weight", row, start: 3 * width);
        Assert.Equal(packed[((2 * width + 3) * width)..((2 * width + 4) * width)], row);
    }

    [Fact]
    public void The_projection_of_an_OpenCLIP_encoder_is_turned_round()
    {
        using SafetensorsFile file = Open("sdxl", "sdxl-tiny.safetensors");
        IWeights weights = Checkpoint.Open(file).Find(ModelParts.TextEncoder2)!.Weights;
        Tensor stored = file.Read("conditioner.embedders.1.model.text_projection");

        float[] read = ReadAll(weights, "text_projection.weight");
        float[] part = new float[5];
        weights.Read("text_projection.weight", part, start: 126);

        for (int row = 0; row < 128; row++)
        {
            for (int column = 0; column < 128; column++)
                Assert.Equal(stored.Values[column * 128 + row], read[row * 128 + column]);
        }

        Assert.Equal(read[126..131], part);
        Assert.NotEqual(stored.Values.ToArray(), read);
    }

    [Fact]
    public void The_last_layer_of_the_text_encoder_of_SD_2_is_left_out()
    {
        using SafetensorsFile file = Open("sd2", "sd2-v-tiny.safetensors");
        CheckpointPart encoder = Checkpoint.Open(file).Find(ModelParts.TextEncoder)!;

        Assert.True(file.Tensors.ContainsKey("cond_stage_model.model.transformer.resblocks.3.ln_1.weight"));
        Assert.NotNull(encoder.Weights.FindShape("text_model.encoder.layers.2.layer_norm1.weight"));
        Assert.Null(encoder.Weights.FindShape("text_model.encoder.layers.3.layer_norm1.weight"));
    }

    [Theory]
    [InlineData("unet/diffusion_pytorch_model.safetensors", "U-Net without text encoders")]
    [InlineData("vae/diffusion_pytorch_model.safetensors", "autoencoder (VAE) alone")]
    [InlineData("text_encoder/model.safetensors", "text encoder alone")]
    public void A_part_of_a_diffusers_folder_is_refused_by_name(string part, string kind)
    {
        using SafetensorsFile file = Open("sd1-diffusers", part);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Checkpoint.Open(file));

        Assert.Contains(kind, error.Message, StringComparison.Ordinal);
        Assert.Contains(file.Path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sd1", "sd1-tiny.safetensors")]
    [InlineData("sd1-diffusers", "vae/diffusion_pytorch_model.safetensors")]
    public void An_autoencoder_is_read_alone_from_a_model_or_a_file_of_its_own(string family, string name)
    {
        using SafetensorsFile file = Open(family, name);

        CheckpointPart vae = Checkpoint.OpenVae(file, new StableDiffusion1());

        AssertSame(vae, "vae/diffusion_pytorch_model.safetensors");
        Assert.Equal(0.18215, vae.Config["scaling_factor"]!.GetValue<double>());
    }

    private static SafetensorsFile Open(string family, string name) =>
        SafetensorsFile.Open(Path.Combine(FamilyReference.Find(family), name));

    private static void AssertSame(CheckpointPart part, string diffusersFile)
    {
        using SafetensorsFile diffusers = Open("sd1-diffusers", diffusersFile);
        Assert.Equal(diffusers.Tensors.Keys.Order(StringComparer.Ordinal), part.Weights.Names.Order(StringComparer.Ordinal));
        foreach (StoredTensor tensor in diffusers.Tensors.Values)
        {
            // The middle attention of the autoencoder is a convolution in single files, of the same values.
            IEnumerable<long> shape = part.Weights.FindShape(tensor.Name)!;
            Assert.Equal(tensor.Shape, tensor.Shape.Count == 2 ? shape.Take(2) : shape);
            float[] expected = ReadAll(new FileWeights(diffusers), tensor.Name);
            Assert.True(expected.AsSpan().SequenceEqual(ReadAll(part.Weights, tensor.Name)), $"'{tensor.Name}' has other values.");
        }
    }

    private static float[] ReadAll(IWeights weights, string name)
    {
        float[] values = new float[weights.FindShape(name)!.Aggregate(1L, (product, length) => product * length)];
        weights.Read(name, values);
        return values;
    }

    private static JsonObject WithoutTextTime(JsonObject config)
    {
        JsonObject copy = config.DeepClone().AsObject();
        copy.Remove("addition_embed_type");
        copy.Remove("addition_time_embed_dim");
        copy.Remove("projection_class_embeddings_input_dim");
        return copy;
    }

    private static void AssertAllAsked(Recorder asked, CheckpointPart part, params string[] others) =>
        Assert.Empty(part.Weights.Names.Except(asked.Names, StringComparer.Ordinal).Except(others, StringComparer.Ordinal));

    private string Write(JsonObject config)
    {
        string path = _folder[$"{Guid.NewGuid():N}.json"];
        File.WriteAllBytes(path, CheckpointPart.ToJson(config));
        return path;
    }

    /// <summary>Notes which weights a graph asks for.</summary>
    private sealed class Recorder(IWeights weights) : IWeights
    {
        public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

        public string Source => weights.Source;

        public IReadOnlyList<long>? FindShape(string name)
        {
            Names.Add(name);
            return weights.FindShape(name);
        }

        public void Read(string name, Span<float> destination, long start = 0) => weights.Read(name, destination, start);
    }
}
