using System.Text.Json.Nodes;
using StableDiffusion.Families;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Sampling;

namespace StableDiffusion.Tests.Networks;

public sealed class ConfigTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_empty_U_Net_config_takes_diffusers_defaults()
    {
        UNetConfig config = UNetConfig.Read(Write("{}"));

        Assert.Equal([320, 640, 1280, 1280], config.BlockChannels);
        Assert.Equal([true, true, true, false], config.DownAttention);
        Assert.Equal([false, true, true, true], config.UpAttention);
        Assert.Equal([2, 2, 2, 2], config.LayersPerBlock);
        Assert.Equal([1, 1, 1, 1], config.TransformerLayers);
        Assert.Equal([8, 8, 8, 8], config.Heads);
        Assert.Equal(4, config.InChannels);
        Assert.Equal(4, config.OutChannels);
        Assert.Equal(1280, config.TextWidth);
        Assert.Equal(1280, config.TimeWidth);
        Assert.True(config.Middle);
        Assert.True(config.CosinesFirst);
        Assert.Equal(0, config.FrequencyShift);
        Assert.Equal(32, config.Groups);
        Assert.Equal(1e-5f, config.Epsilon);
        Assert.Equal(3, config.KernelIn);
        Assert.Equal(3, config.KernelOut);
    }

    [Theory]
    [InlineData("""{"use_linear_projection": 1.5}""", "use_linear_projection")]
    [InlineData("""{"upcast_attention": "true"}""", "upcast_attention")]
    [InlineData("""{"flip_sin_to_cos": 1}""", "flip_sin_to_cos")]
    [InlineData("""{"in_channels": "4"}""", "in_channels")]
    [InlineData("""{"in_channels": "the secret!"}""", "in_channels")]
    [InlineData("""{"in_channels": {"secret": 4}}""", "in_channels")]
    [InlineData("""{"in_channels": tsecret}""", "line 1 is not valid JSON")]
    [InlineData("""{"in_channels": -4}""", "in_channels")]
    [InlineData("""{"layers_per_block": 2000000000}""", "layers_per_block")]
    [InlineData("""{"layers_per_block": [2, 2, 2, 257]}""", "layers_per_block")]
    [InlineData("""{"block_out_channels": [32,32,32,32,32,32,32,32,32,32,32,32,32,32,32,32,32]}""", "block_out_channels")]
    [InlineData("""{"norm_eps": 1e39}""", "norm_eps")]
    [InlineData("""{"in_channels": 4, "in_channels": 9}""", "a key twice")]
    public void A_U_Net_config_with_a_value_that_makes_no_sense_is_refused_with_its_file_and_key(string json, string key)
    {
        string path = Write(json);

        string message = Assert.Throws<ModelInvalidException>(() => UNetConfig.Read(path)).Message;

        Assert.Contains(path, message, StringComparison.Ordinal);
        Assert.Contains(key, message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_in_a_message_is_cut()
    {
        string path = Write($$"""{"in_channels": "{{new string('x', 100_000)}}"}""");

        Assert.InRange(Assert.Throws<ModelInvalidException>(() => UNetConfig.Read(path)).Message.Length, 1, 1000);
    }

    [Theory]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    [InlineData("utf-32")]
    [InlineData("latin1")]
    public void A_config_that_is_not_UTF_8_is_refused(string encoding)
    {
        string path = Write("{}");
        File.WriteAllText(path, """{"_class_name": "Modèle"}""", System.Text.Encoding.GetEncoding(encoding));

        Assert.Contains(path, Assert.Throws<ModelInvalidException>(() => ConfigFile.Read(path)).Message, StringComparison.Ordinal);
        Assert.Contains(path, Assert.Throws<ModelInvalidException>(() => SchedulerConfig.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_config_may_begin_with_a_byte_order_mark()
    {
        string path = Write("{}");
        File.WriteAllText(path, """{"_class_name": "DDIMScheduler"}""", new System.Text.UTF8Encoding(encoderShouldEmitUTF8Identifier: true));

        Assert.Equal("DDIMScheduler", ConfigFile.Read(path).Text("_class_name", ""));
        Assert.Equal("DDIMScheduler", SchedulerConfig.Load(path).ClassName);
    }

    [Theory]
    [InlineData("beta_start", false)]
    [InlineData("timestep_spacing", false)]
    [InlineData("solver_order", false)]
    [InlineData("trained_betas", true)]
    [InlineData("use_karras_sigmas", true)]
    [InlineData("sigma_min", true)]
    [InlineData("lambda_min_clipped", true)]
    [InlineData("of_no_scheduler", true)]
    public void A_null_in_a_scheduler_config_is_no_value_where_the_option_can_be_unset(string key, bool isAccepted)
    {
        string path = Write($$"""{"_class_name": "DDIMScheduler", "{{key}}": null}""");
        if (isAccepted)
            Assert.Empty(SchedulerConfig.Load(path).Keys);
        else
            Assert.Contains(key, Assert.Throws<ModelInvalidException>(() => SchedulerConfig.Load(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("StableDiffusionPipeline", 7.5)]
    [InlineData("StableDiffusionInpaintPipeline", 7.5)]
    [InlineData("StableDiffusionInstructPix2PixPipeline", 7.5)]
    [InlineData("StableDiffusionXLPipeline", 5)]
    [InlineData("StableDiffusionXLImg2ImgPipeline", 5)]
    [InlineData("StableDiffusionXLInstructPix2PixPipeline", 5)]
    [InlineData("StableDiffusionXLInpaintPipeline", 7.5)]
    public void The_guidance_scale_is_that_of_diffusers_pipeline(string className, double expected)
    {
        PipelineConfig index = PipelineConfig.From(ConfigFile.Read(Write($$"""{ "_class_name": "{{className}}" }""")));

        Assert.Equal(expected, ModelFamily.Of(index, static _ => null).DefaultGuidanceScale(index));
    }

    [Fact]
    public void An_empty_autoencoder_config_takes_diffusers_defaults()
    {
        VaeConfig config = VaeConfig.Read(Write("{}"));

        Assert.Equal(0.18215f, config.ScalingFactor);
        Assert.Equal([64], config.BlockChannels);
        Assert.Equal(1, config.Factor);
        Assert.Equal(1, config.LayersPerBlock);
        Assert.Equal(32, config.Groups);
        Assert.Equal(4, config.LatentChannels);
        Assert.Equal(3, config.InChannels);
        Assert.Equal(3, config.OutChannels);
        Assert.True(config.QuantConv);
        Assert.True(config.PostQuantConv);
        Assert.True(config.MidAttention);
    }

    [Fact]
    public void An_empty_text_encoder_config_takes_transformers_defaults()
    {
        ClipTextConfig config = ClipTextConfig.Read(Write("{}"));

        Assert.Equal(49408, config.VocabSize);
        Assert.Equal(512, config.Width);
        Assert.Equal(2048, config.InnerWidth);
        Assert.Equal(12, config.Layers);
        Assert.Equal(8, config.Heads);
        Assert.Equal(77, config.MaxPositions);
        Assert.True(config.QuickGelu);
        Assert.Equal(1e-5f, config.LayerNormEpsilon);
        Assert.Equal(49407, config.EosTokenId);
    }

    [Fact]
    public void Lists_give_each_block_its_own_number()
    {
        UNetConfig config = UNetConfig.Read(Write(
            """
            {
              "block_out_channels": [64, 128], "attention_head_dim": [1, 2], "layers_per_block": [1, 3],
              "transformer_layers_per_block": [2, 4], "cross_attention_dim": [96, 96], "use_linear_projection": true,
              "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
              "mid_block_type": null, "only_cross_attention": [false, false], "time_embedding_dim": 200, "upcast_attention": true
            }
            """));

        Assert.Equal([1, 2], config.Heads);
        Assert.Equal([1, 3], config.LayersPerBlock);
        Assert.Equal([2, 4], config.TransformerLayers);
        Assert.Equal(96, config.TextWidth);
        Assert.Equal(200, config.TimeWidth);
        Assert.Equal([false, true], config.DownAttention);
        Assert.Equal([true, false], config.UpAttention);
        Assert.False(config.Middle);
    }

    [Theory]
    [InlineData("_class_name", "\"UNet2DModel\"")]
    [InlineData("act_fn", "\"gelu\"")]
    [InlineData("addition_embed_type", "\"text_image\"")]
    [InlineData("addition_time_embed_dim", "256")]
    [InlineData("attention_type", "\"gated\"")]
    [InlineData("center_input_sample", "true")]
    [InlineData("class_embed_type", "\"timestep\"")]
    [InlineData("class_embeddings_concat", "true")]
    [InlineData("cross_attention_dim", "[64, 128]")]
    [InlineData("cross_attention_norm", "\"layer_norm\"")]
    [InlineData("down_block_types", "[\"CrossAttnDownBlock2D\", \"SimpleCrossAttnDownBlock2D\"]")]
    [InlineData("downsample_padding", "0")]
    [InlineData("dual_cross_attention", "true")]
    [InlineData("encoder_hid_dim", "4096")]
    [InlineData("encoder_hid_dim_type", "\"text_proj\"")]
    [InlineData("mid_block_only_cross_attention", "true")]
    [InlineData("mid_block_scale_factor", "1.5")]
    [InlineData("mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"")]
    [InlineData("num_attention_heads", "8")]
    [InlineData("num_class_embeds", "10")]
    [InlineData("only_cross_attention", "true")]
    [InlineData("only_cross_attention", "[false, true]")]
    [InlineData("projection_class_embeddings_input_dim", "2816")]
    [InlineData("resnet_out_scale_factor", "1.4")]
    [InlineData("resnet_skip_time_act", "true")]
    [InlineData("resnet_time_scale_shift", "\"scale_shift\"")]
    [InlineData("reverse_transformer_layers_per_block", "[1, 2]")]
    [InlineData("time_cond_proj_dim", "255")]
    [InlineData("time_cond_proj_dim", "2")]
    [InlineData("time_embedding_act_fn", "\"silu\"")]
    [InlineData("time_embedding_type", "\"fourier\"")]
    [InlineData("timestep_post_act", "\"silu\"")]
    [InlineData("up_block_types", "[\"CrossAttnUpBlock2D\", \"ResnetUpsampleBlock2D\"]")]
    [InlineData("block_out_channels", "[]")]
    [InlineData("block_out_channels", "[32, 0]")]
    [InlineData("block_out_channels", "32")]
    [InlineData("norm_num_groups", "7")]
    [InlineData("attention_head_dim", "5")]
    [InlineData("attention_head_dim", "[8, 8, 8]")]
    [InlineData("layers_per_block", "[2, 2, 2]")]
    [InlineData("layers_per_block", "2.5")]
    [InlineData("transformer_layers_per_block", "[[1], [2]]")]
    [InlineData("freq_shift", "16")]
    [InlineData("freq_shift", "-1")]
    [InlineData("in_channels", "-4")]
    [InlineData("in_channels", "\"4\"")]
    [InlineData("norm_eps", "0")]
    [InlineData("norm_eps", "1")]
    [InlineData("flip_sin_to_cos", "1")]
    [InlineData("conv_in_kernel", "2")]
    [InlineData("quantization_config", """{ "quant_method": "fp8" }""")]
    [InlineData("down_block_types", "[\"CrossAttnDownBlock2D\"]")]
    [InlineData("up_block_types", "[1, 2]")]
    public void What_a_U_Net_cannot_be_is_refused_by_file_and_key(string key, string value)
    {
        JsonNode config = JsonNode.Parse(
            """
            {
              "block_out_channels": [32, 64],
              "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
              "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]
            }
            """)!;
        string path = Write(config.ToJsonString());
        UNetConfig.Read(path);
        config[key] = JsonNode.Parse(value);
        Write(config.ToJsonString());

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => UNetConfig.Read(path));

        Assert.Contains($"'{key}'", error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("_class_name", "\"AutoencoderTiny\"")]
    [InlineData("act_fn", "\"relu\"")]
    [InlineData("down_block_types", "[\"AttnDownEncoderBlock2D\"]")]
    [InlineData("up_block_types", "[\"UpDecoderBlock2D\", \"UpDecoderBlock2D\"]")]
    [InlineData("shift_factor", "0.1159")]
    [InlineData("quantization_config", """{ "quant_method": "fp8" }""")]
    [InlineData("latents_mean", "[0, 0, 0, 0]")]
    [InlineData("latents_std", "[1, 1, 1, 1]")]
    [InlineData("block_out_channels", "[65]")]
    [InlineData("scaling_factor", "0")]
    [InlineData("scaling_factor", "\"0.18215\"")]
    [InlineData("use_quant_conv", "\"yes\"")]
    public void What_an_autoencoder_cannot_be_is_refused_by_file_and_key(string key, string value)
    {
        string path = Write($$"""{"{{key}}": {{value}}}""");

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => VaeConfig.Read(path));

        Assert.Contains($"'{key}'", error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model_type", "\"t5\"")]
    [InlineData("quantization_config", """{ "quant_method": "fp8" }""")]
    [InlineData("hidden_act", "\"relu\"")]
    [InlineData("num_attention_heads", "7")]
    [InlineData("vocab_size", "0")]
    [InlineData("layer_norm_eps", "-1")]
    [InlineData("layer_norm_eps", "1e30")]
    public void What_a_text_encoder_cannot_be_is_refused_by_file_and_key(string key, string value)
    {
        string path = Write($$"""{"{{key}}": {{value}}}""");

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => ClipTextConfig.Read(path));

        Assert.Contains($"'{key}'", error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    public void A_config_that_is_not_a_JSON_object_is_named(string text)
    {
        string path = Write(text);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => VaeConfig.Read(path));

        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_config_that_is_missing_is_named()
    {
        string path = _folder["none.json"];

        Assert.Contains(path, Assert.Throws<ModelNotFoundException>(() => VaeConfig.Read(path)).Message, StringComparison.Ordinal);
    }

    private string Write(string json)
    {
        string path = _folder["config.json"];
        File.WriteAllText(path, json);
        return path;
    }
}
