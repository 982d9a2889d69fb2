using System.Text.Json;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Settings;

/// <summary>The numbers in recorded stages are read as they were written. Those that are too large for a double would be infinite, and no setting is.</summary>
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

    [Theory]
    [InlineData(1)]
    [InlineData(9007199254740993)]
    [InlineData(long.MaxValue)]
    public void A_whole_number_stays_one(long seed)
    {
        StageList read = JsonSerializer.Deserialize<StageList>($$"""[{ "Operation": "Denoise", "Settings": { "Seed": {{seed}}, "GuidanceScale": 2.5 } }]""")!;
        Assert.Equal(seed, read[0].Settings["Seed"]);
        Assert.Equal(2.5, read[0].Settings["GuidanceScale"]);
        Assert.Contains($"\"Seed\":{seed}", JsonSerializer.Serialize(read), StringComparison.Ordinal);
    }
}
