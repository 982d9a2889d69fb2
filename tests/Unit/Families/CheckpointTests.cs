using System.Text.Json.Nodes;
using StableDiffusion.Families;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Networks.Graphs;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Families;

/// <summary>Files with the tensors of the published models, as they are and as they are found in the wild.</summary>
public sealed class CheckpointTests : IDisposable
{
    private const string UNet = "model.diffusion_model.";
    private const string Clip = "cond_stage_model.transformer.";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The values are those of the configs that the models were published with.
    [Fact]
    public void A_finding_is_safe_to_show() =>
        Assert.Equal("It holds 1 tensors: ?[31m (1).", new CheckpointFinding(CheckpointFindingKind.ExtraTensors, TensorGroups.Describe(["\u001b[31m"])).Text);

    [Fact]
    public void SD_1_has_its_published_form()
    {
        Checkpoint checkpoint = Checkpoint.Open(PublishedModels.Sd1());

        AssertConfig(checkpoint.Find(ModelParts.UNet)!.Config, """
            {"attention_head_dim": 8, "block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 768, "in_channels": 4, "layers_per_block": 2,
             "transformer_layers_per_block": 1, "use_linear_projection": false, "addition_embed_type": null, "sample_size": 64,
             "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
             "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]}
            """);
        AssertConfig(checkpoint.Find(ModelParts.TextEncoder)!.Config, """
            {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12, "hidden_act": "quick_gelu", "vocab_size": 49408}
            """);
        AssertConfig(checkpoint.Find(ModelParts.Vae)!.Config, """
            {"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "latent_channels": 4, "scaling_factor": 0.18215, "sample_size": 512}
            """);
        AssertConfig(checkpoint.ModelIndex, """{"_class_name": "StableDiffusionPipeline"}""");
        AssertConfig(checkpoint.SchedulerConfig, """{"_class_name": "DDIMScheduler", "prediction_type": "epsilon"}""");
        Assert.Null(checkpoint.Find(ModelParts.TextEncoder2));
        AssertGraphs(checkpoint);
    }

    [Fact]
    public void SD_2_has_its_published_form()
    {
        Checkpoint checkpoint = Checkpoint.Open(PublishedModels.Sd2());

        AssertConfig(checkpoint.Find(ModelParts.UNet)!.Config, """
            {"attention_head_dim": [5, 10, 20, 20], "block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 1024,
             "transformer_layers_per_block": 1, "use_linear_projection": true, "sample_size": 96}
            """);
        AssertConfig(checkpoint.Find(ModelParts.TextEncoder)!.Config, """
            {"hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "num_hidden_layers": 23, "hidden_act": "gelu", "pad_token_id": 0}
            """);
        AssertConfig(checkpoint.SchedulerConfig, """{"prediction_type": "v_prediction"}""");
        AssertGraphs(checkpoint);
    }

    [Fact]
    public void XL_has_its_published_form()
    {
        Checkpoint checkpoint = Checkpoint.Open(PublishedModels.Xl());

        Assert.IsType<StableDiffusionXL>(checkpoint.Family);
        AssertConfig(checkpoint.Find(ModelParts.UNet)!.Config, """
            {"attention_head_dim": [5, 10, 20], "block_out_channels": [320, 640, 1280], "cross_attention_dim": 2048, "transformer_layers_per_block": [1, 2, 10],
             "addition_embed_type": "text_time", "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816, "sample_size": 128,
             "use_linear_projection": true, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
             "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]}
            """);
        AssertConfig(checkpoint.Find(ModelParts.TextEncoder2)!.Config, """
            {"hidden_size": 1280, "intermediate_size": 5120, "num_attention_heads": 20, "num_hidden_layers": 32, "hidden_act": "gelu", "projection_dim": 1280}
            """);
        AssertConfig(checkpoint.Find(ModelParts.Vae)!.Config, """{"scaling_factor": 0.13025, "force_upcast": true, "sample_size": 1024}""");
        AssertConfig(checkpoint.SchedulerConfig, """{"_class_name": "EulerDiscreteScheduler", "prediction_type": "epsilon", "rescale_betas_zero_snr": false}""");
        AssertConfig(checkpoint.ModelIndex, """{"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": true}""");
        AssertGraphs(checkpoint);
    }

    [Fact]
    public void The_refiner_of_XL_has_its_published_form()
    {
        Checkpoint checkpoint = Checkpoint.Open(PublishedModels.Refiner());

        Assert.IsType<StableDiffusionXLRefiner>(checkpoint.Family);
        Assert.Null(checkpoint.Find(ModelParts.TextEncoder));
        AssertConfig(checkpoint.Find(ModelParts.UNet)!.Config, """
            {"attention_head_dim": [6, 12, 24, 24], "block_out_channels": [384, 768, 1536, 1536], "cross_attention_dim": 1280, "transformer_layers_per_block": 4,
             "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2560,
             "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
             "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]}
            """);
        AssertConfig(checkpoint.ModelIndex, """
            {"_class_name": "StableDiffusionXLImg2ImgPipeline", "requires_aesthetics_score": true, "text_encoder": [null, null], "tokenizer": [null, null]}
            """);
        AssertGraphs(checkpoint);
    }

    [Theory]
    [InlineData(9, ModelVariant.Inpainting, "StableDiffusionInpaintPipeline")]
    [InlineData(8, ModelVariant.InstructPix2Pix, "StableDiffusionInstructPix2PixPipeline")]
    internal void The_variant_follows_from_the_channels(int channels, ModelVariant expected, string pipeline)
    {
        Checkpoint checkpoint = Checkpoint.Open(PublishedModels.Sd1(inChannels: channels));

        Assert.Equal(expected, checkpoint.Variant);
        Assert.Equal(channels, checkpoint.Find(ModelParts.UNet)!.Config["in_channels"]!.GetValue<int>());
        Assert.Equal(pipeline, checkpoint.ModelIndex["_class_name"]!.GetValue<string>());
    }

    [Fact]
    public void XL_for_inpainting_is_recognised()
    {
        Checkpoint checkpoint = Checkpoint.Open(PublishedModels.Xl(inChannels: 9));

        Assert.Equal(ModelVariant.Inpainting, checkpoint.Variant);
        Assert.Equal("StableDiffusionXLInpaintPipeline", checkpoint.ModelIndex["_class_name"]!.GetValue<string>());
    }

    [Fact]
    public void A_text_encoder_with_the_names_of_old_files_is_read_alike()
    {
        ShapeFile file = PublishedModels.Sd1().Rename(Clip, static key => key.Replace("text_model.", string.Empty, StringComparison.Ordinal));

        Checkpoint checkpoint = Checkpoint.Open(file);

        Assert.DoesNotContain(file.Tensors.Keys, key => key.Contains("text_model", StringComparison.Ordinal));
        AssertGraphs(checkpoint);
        Assert.DoesNotContain(checkpoint.Findings, finding => finding.Kind == CheckpointFindingKind.ExtraTensors);
    }

    [Theory]
    [InlineData(24, 23)]
    [InlineData(23, 23)]
    public void The_unused_layer_of_SD_2_may_be_missing(int layers, int used)
    {
        Checkpoint checkpoint = Checkpoint.Open(PublishedModels.Sd2(layers: layers));

        Assert.Equal(used, checkpoint.Find(ModelParts.TextEncoder)!.Config["num_hidden_layers"]!.GetValue<int>());
    }

    [Theory]
    [InlineData("sd1")]
    [InlineData("xl")]
    public void Averaged_weights_serve_where_they_are_the_only_ones(string family)
    {
        ShapeFile file = (family == "sd1" ? PublishedModels.Sd1() : PublishedModels.Xl()).Rename(UNet, ToEma);
        file.Add("model_ema.decay").Add("model_ema.num_updates");

        Checkpoint checkpoint = Checkpoint.Open(file);

        AssertGraphs(checkpoint);
        Assert.Equal(CheckpointFindingKind.EmaUsed, Assert.Single(checkpoint.Findings, IsAboutEma).Kind);
        Assert.DoesNotContain(checkpoint.Findings, finding => finding.Kind == CheckpointFindingKind.ExtraTensors);
    }

    [Theory]
    [InlineData(false, UNet + "input_blocks.11.0.in_layers.2.weight", CheckpointFindingKind.EmaIgnored)]
    [InlineData(true, "model_ema.diffusion_modelinput_blocks110in_layers2weight", CheckpointFindingKind.EmaUsed)]
    internal void Averaged_weights_are_taken_beside_others_only_if_asked_for(bool prefer, string key, CheckpointFindingKind kind)
    {
        ShapeFile file = PublishedModels.Sd1().Rename(UNet, ToEma, keep: true);

        Checkpoint checkpoint = Checkpoint.Open(file, prefer);

        float[] value = new float[1];
        checkpoint.Find(ModelParts.UNet)!.Weights.Read("down_blocks.3.resnets.1.conv1.weight", value, start: 5);
        Assert.Equal(ShapeFile.ValueOf(key, 5), value[0]);
        Assert.Equal(kind, Assert.Single(checkpoint.Findings, IsAboutEma).Kind);
        Assert.DoesNotContain(checkpoint.Findings, finding => finding.Kind == CheckpointFindingKind.ExtraTensors);
    }

    [Fact]
    public void A_file_without_an_autoencoder_says_so_and_takes_another()
    {
        ShapeFile file = PublishedModels.Sd1().Remove("first_stage_model.");
        ShapeFile other = PublishedModels.Sd1("vae.safetensors").Remove(UNet).Remove(Clip).Rename("first_stage_model.", static key => key["first_stage_model.".Length..]);

        Checkpoint checkpoint = Checkpoint.Open(file);
        CheckpointPart vae = Checkpoint.OpenVae(other, checkpoint.Family);

        Assert.Null(checkpoint.Find(ModelParts.Vae));
        Assert.Contains(checkpoint.Findings, finding => finding.Kind == CheckpointFindingKind.VaeMissing);
        AssertVae(vae);
        Assert.Throws<ModelInvalidException>(() => Checkpoint.OpenVae(file, checkpoint.Family));
    }

    [Fact]
    public void What_has_no_place_in_the_model_is_counted_and_what_always_lies_about_is_not()
    {
        ShapeFile file = PublishedModels.Sd1().Add("betas", 1000).Add("alphas_cumprod", 1000);
        file.Add("first_stage_model.loss.logvar").Add("first_stage_model.loss.perceptual_loss.net", 3).Add("optimizer", 7).Add(UNet + "input_blocks.1.0.unheard_of.weight", 2);

        Checkpoint checkpoint = Checkpoint.Open(file);

        CheckpointFinding extra = Assert.Single(checkpoint.Findings, finding => finding.Kind == CheckpointFindingKind.ExtraTensors);
        Assert.Contains("4 tensors: first_stage_model.loss (2), model.diffusion_model (1), optimizer (1).", extra.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_of_positions_may_be_missing_or_damaged()
    {
        Checkpoint missing = Checkpoint.Open(PublishedModels.Sd1().Remove(Clip + "text_model.embeddings.position_ids"));
        Checkpoint damaged = Checkpoint.Open(PublishedModels.Sd1());

        Assert.Contains(missing.Findings, finding => finding.Kind == CheckpointFindingKind.PositionIdsMissing);
        Assert.Contains(damaged.Findings, finding => finding.Kind == CheckpointFindingKind.PositionIdsDamaged);
    }

    [Theory]
    [InlineData("v2-1_768-ema-pruned.safetensors", 4, "v_prediction")]
    [InlineData("v2-1_512-ema-pruned.safetensors", 4, "epsilon")]
    [InlineData("512-base-ema.safetensors", 4, "epsilon")]
    [InlineData("sd_turbo.safetensors", 4, "epsilon")]
    [InlineData("database5120.safetensors", 4, "v_prediction")]
    [InlineData("mine.safetensors", 9, "epsilon")]
    public void What_SD_2_predicts_is_assumed_and_told(string name, int channels, string expected)
    {
        Checkpoint checkpoint = Checkpoint.Open(PublishedModels.Sd2(name, channels));

        Assert.Equal(expected, checkpoint.PredictionType.Name);
        Assert.True(checkpoint.PredictionType.Assumed);
        Assert.Equal(expected, checkpoint.SchedulerConfig["prediction_type"]!.GetValue<string>());
        Assert.Equal(expected == "v_prediction" ? 96 : 64, checkpoint.Find(ModelParts.UNet)!.Config["sample_size"]!.GetValue<int>());
        CheckpointFinding finding = Assert.Single(checkpoint.Findings, finding => finding.Kind == CheckpointFindingKind.PredictionType);
        Assert.Contains(expected, finding.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_file_or_the_caller_says_of_the_prediction_counts_more()
    {
        ShapeFile file = PublishedModels.Sd2("v2-1_768.safetensors");
        file.Texts["global_step"] = "875000";
        Assert.Equal("epsilon", Checkpoint.Open(file).PredictionType.Name);

        file.Texts["modelspec.architecture"] = "stable-diffusion-v2-768-v";
        Assert.Equal("v_prediction", Checkpoint.Open(file).PredictionType.Name);

        file.Texts["modelspec.architecture"] = "stable-diffusion-v2-512";
        Assert.Equal("epsilon", Checkpoint.Open(file).PredictionType.Name);

        file.Texts["modelspec.prediction_type"] = "v";
        Assert.Equal("v_prediction", Checkpoint.Open(file).PredictionType.Name);

        file.Texts["modelspec.prediction_type"] = "epsilon";
        file.Add("v_pred", 0);
        PredictionFinding marked = Checkpoint.Open(file).PredictionType;
        Assert.Equal("v_prediction", marked.Name);
        Assert.False(marked.Assumed);

        Assert.Equal("epsilon", Checkpoint.Open(file, predictionType: "epsilon").PredictionType.Name);
        Assert.Throws<InvalidSettingException>(() => Checkpoint.Open(file, predictionType: "noise"));
    }

    [Fact]
    public void XL_that_is_marked_for_velocity_and_zero_signal_gets_the_scheduler_for_it()
    {
        Checkpoint checkpoint = Checkpoint.Open(PublishedModels.Xl().Add("v_pred", 0).Add("ztsnr", 0));

        AssertConfig(checkpoint.SchedulerConfig, """{"prediction_type": "v_prediction", "rescale_betas_zero_snr": true}""");
        Assert.DoesNotContain(checkpoint.Findings, finding => finding.Kind == CheckpointFindingKind.ExtraTensors);
    }

    [Fact]
    public void A_name_that_speaks_of_a_distilled_model_is_told_and_changes_nothing()
    {
        Checkpoint checkpoint = Checkpoint.Open(PublishedModels.Xl("sd_xl_turbo_1.0_fp16.safetensors"));

        Assert.Contains(checkpoint.Findings, finding => finding.Kind == CheckpointFindingKind.Distilled && finding.Text.Contains("'turbo'", StringComparison.Ordinal));
        Assert.True(JsonNode.DeepEquals(Checkpoint.Open(PublishedModels.Xl()).SchedulerConfig, checkpoint.SchedulerConfig));
    }

    [Theory]
    [InlineData("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "a LoRA")]
    [InlineData("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight", "a LoRA")]
    [InlineData("lora_unet_mid_block_attentions_0_proj_in.hada_w1_a", "an adapter")]
    [InlineData("control_model.input_blocks.0.0.weight", "a ControlNet")]
    [InlineData("controlnet_cond_embedding.conv_in.weight", "a ControlNet")]
    [InlineData("model.diffusion_model.joint_blocks.0.x_block.mlp.fc1.weight", "a Stable Diffusion 3 model")]
    [InlineData("double_blocks.0.img_attn.norm.key_norm.scale", "a Flux model")]
    [InlineData("model.diffusion_model.input_blocks.1.0.time_stack.in_layers.0.weight", "a Stable Video Diffusion model")]
    [InlineData("edm_mean", "a Playground 2.5 model")]
    [InlineData("model.diffusion_model.input_blocks.0.0.weight", "a U-Net without text encoders")]
    [InlineData("input_blocks.0.0.weight", "a U-Net without text encoders")]
    [InlineData("first_stage_model.decoder.conv_in.weight", "an autoencoder (VAE) alone")]
    [InlineData("text_model.embeddings.token_embedding.weight", "a text encoder alone")]
    [InlineData("emb_params", "a textual inversion embedding")]
    [InlineData("<my-cat>", "a textual inversion embedding")]
    public void A_file_that_is_no_whole_model_is_refused_with_what_it_is(string key, string kind)
    {
        ShapeFile file = new ShapeFile("thing.safetensors").Add(key, 4, 768);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Checkpoint.Open(file));

        Assert.StartsWith($"'{file.Path}' is {kind}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_an_unknown_kind_is_refused_with_what_it_holds()
    {
        ShapeFile file = new ShapeFile().Add("a.b.c", 1, 2, 3).Add("a.b.d", 1).Add("e", 1);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Checkpoint.Open(file));

        Assert.Contains("It holds 3 tensors: a.b (2), e (1).", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("first", "conditioner.embedders.1.model.", "without its second text encoder")]
    [InlineData("second", "conditioner.embedders.0.transformer.", "without its first text encoder")]
    [InlineData("sizes", UNet + "label_emb.", "does not take the sizes")]
    [InlineData("input", UNet + "input_blocks.8.", "8 input blocks")]
    [InlineData("output", UNet + "output_blocks.4.", "8 output blocks")]
    [InlineData("depth", UNet + "output_blocks.4.1.transformer_blocks.1.", "1 transformer blocks")]
    [InlineData("attention", UNet + "input_blocks.5.1.", "have cross-attention")]
    [InlineData("middle", UNet + "middle_block.1.", "its mid block has no cross-attention")]
    [InlineData("first convolution", UNet + "input_blocks.0.0.weight", "'conv_in.weight' is missing")]
    public void A_model_that_is_not_whole_is_refused(string what, string without, string reason)
    {
        ShapeFile file = PublishedModels.Xl().Remove(without);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Checkpoint.Open(file));

        Assert.True(error.Message.Contains(reason, StringComparison.Ordinal), $"Without its {what}: {error.Message}");
    }

    [Theory]
    [InlineData(5, "takes 5 channels")]
    [InlineData(7, "takes 7 channels")]
    public void Models_for_depth_maps_and_upscaling_are_refused(int channels, string reason)
    {
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Checkpoint.Open(PublishedModels.Sd2(inChannels: channels)));

        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_real_file_gives_the_values_that_were_written()
    {
        string path = _folder["vae.safetensors"];
        Dictionary<string, Tensor> tensors = [];
        ShapeFile shapes = PublishedModels.Sd1();
        foreach (StoredTensor tensor in shapes.Tensors.Values.Where(tensor => tensor.Name.StartsWith("first_stage_model.", StringComparison.Ordinal)))
            tensors.Add(tensor.Name, new Tensor([.. tensor.Shape.Select(length => (int)Math.Min(length, 4))]));
        tensors["first_stage_model.decoder.up.3.block.2.conv2.bias"] = new Tensor([1.5f, 2, -3, 4], 4);
        SafetensorsWriter.Write(path, tensors);
        using SafetensorsFile file = SafetensorsFile.Open(path);

        CheckpointPart vae = Checkpoint.OpenVae(file, new StableDiffusion1());

        float[] values = new float[2];
        vae.Weights.Read("decoder.up_blocks.0.resnets.2.conv2.bias", values, start: 1);
        Assert.Equal([2, -3], values);
    }

    private static string ToEma(string key) => $"model_ema.{key["model.".Length..].Replace(".", string.Empty, StringComparison.Ordinal)}";

    private static bool IsAboutEma(CheckpointFinding finding) =>
        finding.Kind is CheckpointFindingKind.EmaIgnored or CheckpointFindingKind.EmaUsed or CheckpointFindingKind.Pruned;

    private static void AssertConfig(JsonObject config, string expected)
    {
        foreach ((string key, JsonNode? value) in JsonNode.Parse(expected)!.AsObject())
            Assert.True(JsonNode.DeepEquals(value, config[key]), $"{key} is {config[key]?.ToJsonString()}.");
    }

    // The graphs check each weight that they need when they are made, and read none.
    private void AssertGraphs(Checkpoint checkpoint)
    {
        foreach (CheckpointPart encoder in new[] { checkpoint.Find(ModelParts.TextEncoder), checkpoint.Find(ModelParts.TextEncoder2) }.OfType<CheckpointPart>())
            _ = new ClipTextGraph(encoder.Weights, ClipTextConfig.Read(Write(encoder.Config)));

        JsonObject unet = checkpoint.Find(ModelParts.UNet)!.Config.DeepClone().AsObject();
        foreach (string key in new[] { "addition_embed_type", "addition_time_embed_dim", "projection_class_embeddings_input_dim" })
            unet.Remove(key);
        _ = new UNetGraph(checkpoint.Find(ModelParts.UNet)!.Weights, UNetConfig.Read(Write(unet)));
        AssertVae(checkpoint.Find(ModelParts.Vae)!);
    }

    private void AssertVae(CheckpointPart vae)
    {
        VaeConfig config = VaeConfig.Read(Write(vae.Config));
        _ = new VaeEncoderGraph(vae.Weights, config);
        _ = new VaeDecoderGraph(vae.Weights, config);
    }

    private string Write(JsonObject config)
    {
        string path = _folder[$"{Guid.NewGuid():N}.json"];
        File.WriteAllBytes(path, CheckpointPart.ToJson(config));
        return path;
    }
}
