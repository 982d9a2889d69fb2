using System.Text;
using StableDiffusion.Batches;

namespace StableDiffusion.Tests.Batches;

public sealed class NameTemplateTests
{
    private static readonly Dictionary<string, object?> s_values = new()
    {
        ["prompt"] = "A red house, at night!",
        ["seed"] = 42L,
        ["steps"] = 20,
        ["guidancescale"] = 7.5,
        ["model"] = "v1-5.safetensors",
        ["index"] = "03",
        ["hash"] = "0123456789abcdef",
        ["strength"] = null,
    };

    [Theory]
    [InlineData("{prompt}-{seed}", "a-red-house-at-night-42")]
    [InlineData("{prompt:9}-{seed}-{hash:8}", "a-red-hou-42-01234567")]
    [InlineData("{prompt:6}{index}", "a-red03")]
    [InlineData("{Steps} steps at {GUIDANCESCALE}", "20 steps at 7.5")]
    [InlineData("{model}_{{{seed}}}", "v1-5-safetensors_{42}")]
    [InlineData("{strength}", "image")]
    [InlineData(" {strength}.{seed}. ", "42")]
    public void It_makes_names(string template, string expected) => Assert.Equal(expected, new NameTemplate(template).Format(field => s_values[field]));

    [Theory]
    [InlineData("{promt}", "Did you mean 'prompt'?")]
    [InlineData("{prompt", "is not closed")]
    [InlineData("prompt}{seed}", "closes nothing")]
    [InlineData("{prompt:0}", "number of characters")]
    [InlineData("{prompt:a}", "number of characters")]
    [InlineData("{prompt:-1}", "number of characters")]
    [InlineData("{}", "no field ''")]
    [InlineData("a/{seed}", "'/'")]
    [InlineData("a\\{seed}", "'\\'")]
    [InlineData("a\n{seed}", "cannot be in a file name")]
    [InlineData("house", "no field")]
    public void It_refuses_what_is_no_template(string template, string reason)
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => new NameTemplate(template));
        Assert.Equal("FileName", error.Setting);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_prompt_takes_the_room_that_is_left()
    {
        string name = new NameTemplate("{prompt}-{seed}").Format(field => field == "prompt" ? string.Concat(Enumerable.Repeat("日本", 200)) : s_values[field]);
        Assert.EndsWith("-42", name, StringComparison.Ordinal);
        Assert.InRange(Encoding.UTF8.GetByteCount(name), 190, 200);
    }

    [Fact]
    public void It_knows_its_fields()
    {
        NameTemplate template = new("{prompt}-{hash:4}");
        Assert.True(template.Has(NameTemplate.Hash));
        Assert.False(template.Has(NameTemplate.Seed));
    }
}
