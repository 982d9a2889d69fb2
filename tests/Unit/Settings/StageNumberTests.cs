using System.Text.Json;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Settings;

/// <summary>Numbers that are too large for a double are infinite when they are read, and no setting is.</summary>
public sealed class StageNumberTests
{
    [Theory]
    [InlineData("1e999")]
    [InlineData("-1e999")]
    [InlineData("[1, 1e999]")]
    public void A_stage_with_one_is_damaged(string number) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<StageList>($$"""[{ "Operation": "Denoise", "Settings": { "GuidanceScale": {{number}} } }]"""));

    [Fact]
    public void Options_with_one_are_damaged()
    {
        Assert.Null(SchedulerOptionText.Read("""{"eta":1e999}"""));
        Assert.Null(SchedulerOptionText.Read("""{"sigmas":[1,-1e999]}"""));
    }
}
