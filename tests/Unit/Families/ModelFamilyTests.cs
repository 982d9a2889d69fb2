using System.Text;
using StableDiffusion.Families;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Families;

/// <summary>What the families say of themselves.</summary>
public sealed class ModelFamilyTests
{
    private static readonly string[] s_settings = [.. typeof(MicroConditioning).GetProperties().Where(property => property.CanWrite).Select(property => property.Name)];

    public static TheoryData<string> Names { get; } = [.. ModelFamily.All.Select(family => family.Name)];

    [Fact]
    public void The_names_are_those_that_users_see() => Assert.Equal(
        ["StableDiffusion1", "StableDiffusion2", "StableDiffusionXL", "StableDiffusionXLRefiner"],
        ModelFamily.All.Select(family => family.Name).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Names))]
    public void A_single_file_has_the_marks_of_one_family_alone(string name)
    {
        ShapeFile file = name switch
        {
            "StableDiffusion1" => PublishedModels.Sd1(),
            "StableDiffusion2" => PublishedModels.Sd2(),
            "StableDiffusionXL" => PublishedModels.Xl(),
            _ => PublishedModels.Refiner(),
        };

        Assert.Equal(name, ModelFamily.Of(file)?.Name);
        Assert.Equal([name], ModelFamily.All.Where(family => family.IsIn(file)).Select(family => family.Name));
    }

    [Theory]
    [InlineData("""{ "_class_name": "StableDiffusionPipeline" }""", null, "StableDiffusion1")]
    [InlineData("""{ "_class_name": "StableDiffusionInpaintPipeline" }""", "quick_gelu", "StableDiffusion1")]
    [InlineData("""{ "_class_name": "OnnxStableDiffusionPipeline" }""", "gelu", "StableDiffusion2")]
    [InlineData("""{ "_class_name": "StableDiffusionXLPipeline" }""", "quick_gelu", "StableDiffusionXL")]
    [InlineData("""{ "_class_name": "StableDiffusionXLImg2ImgPipeline" }""", "quick_gelu", "StableDiffusionXL")]
    [InlineData("""{ "_class_name": "StableDiffusionXLImg2ImgPipeline", "requires_aesthetics_score": true }""", null, "StableDiffusionXLRefiner")]
    public void A_folder_belongs_to_the_family_that_its_configs_describe(string index, string? activation, string expected)
    {
        ConfigFile? encoder = activation is null ? null : Parse($$"""{ "hidden_act": "{{activation}}" }""");
        PipelineConfig config = PipelineConfig.From(Parse(index));

        Assert.Equal(expected, ModelFamily.Of(config, part => part == "text_encoder" ? encoder : null).Name);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{ "_class_name": null }""")]
    [InlineData("""{ "auths": {} }""")]
    public void A_folder_whose_index_names_no_pipeline_is_no_model(string index) =>
        Assert.Contains("has no '_class_name'", Assert.Throws<ModelInvalidException>(() => PipelineConfig.From(Parse(index))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(4, 4, ModelVariant.TextToImage)]
    [InlineData(8, 4, ModelVariant.InstructPix2Pix)]
    [InlineData(9, 4, ModelVariant.Inpainting)]
    [InlineData(5, 4, null)]
    [InlineData(7, 4, null)]
    [InlineData(16, 16, ModelVariant.TextToImage)]
    [InlineData(33, 16, ModelVariant.Inpainting)]
    internal void The_variant_follows_from_the_channels_beside_the_latents(int channels, int latentChannels, ModelVariant? expected) =>
        Assert.Equal(expected, ModelVariants.Find(channels, latentChannels));

    [Theory]
    [InlineData("StableDiffusion1", 0)]
    [InlineData("StableDiffusion2", 0)]
    [InlineData("StableDiffusionXL", 6)]
    [InlineData("StableDiffusionXLRefiner", 5)]
    public void A_family_is_conditioned_on_as_many_numbers_as_it_says(string name, int expected)
    {
        UNetFamily family = Assert.IsAssignableFrom<UNetFamily>(Find(name));

        Assert.Equal(expected, family.TimeIdCount);
        Assert.Equal(expected, family.TimeIds(new(), 64, 64, isNegative: false).Length);
        Assert.Equal(expected, family.TimeIds(new(), 64, 64, isNegative: true).Length);
        Assert.Equal(expected > 0, family.PooledWidth > 0);
    }

    [Theory]
    [InlineData("StableDiffusion1")]
    [InlineData("StableDiffusion2")]
    [InlineData("StableDiffusionXL", "OriginalWidth", "OriginalHeight", "CropTop", "CropLeft", "TargetWidth", "TargetHeight")]
    [InlineData("StableDiffusionXLRefiner", "OriginalWidth", "OriginalHeight", "CropTop", "CropLeft", "AestheticScore", "NegativeAestheticScore")]
    public void A_family_takes_the_settings_that_change_its_numbers(string name, params string[] expected)
    {
        ModelFamily family = Find(name);

        Assert.Equal(expected.Order(StringComparer.Ordinal), s_settings.Where(family.Takes).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("StableDiffusion1", null, null, false, false)]
    [InlineData("StableDiffusion1", null, null, true, false)]
    [InlineData("StableDiffusionXL", null, null, false, true)]
    [InlineData("StableDiffusionXL", false, null, false, false)]
    [InlineData("StableDiffusionXL", true, "", false, false)]
    [InlineData("StableDiffusionXL", false, "", true, true)]
    [InlineData("StableDiffusionXL", true, "blurry", true, false)]
    [InlineData("StableDiffusionXLRefiner", false, null, false, false)]
    public void Zeros_take_the_place_of_a_negative_prompt_as_in_diffusers_or_A1111(string name, bool? forcesZeros, string? negativePrompt, bool isA1111, bool expected)
    {
        PipelineConfig index = new() { ClassName = string.Empty, ForcesZeros = forcesZeros };

        Assert.Equal(expected, Find(name).ZerosNegativePrompt(index, negativePrompt, isA1111));
    }

    [Theory]
    [InlineData(false, false, "StableDiffusion1")]
    [InlineData(false, true, "StableDiffusion2")]
    [InlineData(true, true, "StableDiffusionXL")]
    public void A_ControlNet_has_the_family_of_its_weights(bool takesPooledText, bool hasLinearProjections, string expected) =>
        Assert.Equal(expected, UNetFamily.OfControlNet(takesPooledText, hasLinearProjections).Name);

    private static ModelFamily Find(string name) => ModelFamily.All.Single(family => family.Name == name);

    private static ConfigFile Parse(string json) => ConfigFile.Parse(Encoding.UTF8.GetBytes(json), "config.json");
}
