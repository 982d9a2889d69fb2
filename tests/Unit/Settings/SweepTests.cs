using System.Globalization;
using System.Text.Json;
using StableDiffusion.Settings.Sweeps;

namespace StableDiffusion.Tests.Settings;

public sealed class SweepTests
{
    // Where A1111 leaves out the end of a range, or runs past it.
    private static readonly Dictionary<string, double[]> s_others = new()
    {
        ["10-1 (-1)"] = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
        ["9-3 (-3)"] = [9, 6, 3],
        ["0-1 (+0.3)"] = [0, 0.3, 0.6, 0.9],
    };

    [Fact]
    public void Ranges_have_the_numbers_of_A1111()
    {
        using JsonDocument data = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests", "data", "sweep-ranges.json")));
        int others = 0;
        foreach (JsonElement item in data.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = item.GetProperty("text").GetString()!;
            bool isWhole = item.GetProperty("kind").GetString() == "whole";
            double[] theirs = [.. item.GetProperty("values").EnumerateArray().Select(static value => value.GetDouble())];
            double[] ours = [.. NumberRange.Read("Steps", text, isWhole).Select(static value => Convert.ToDouble(value, CultureInfo.InvariantCulture))];
            if (s_others.TryGetValue(text, out double[]? other))
            {
                others++;
                Assert.NotEqual(theirs.Length, other.Length);
                theirs = other;
            }

            // Theirs are sums of binary fractions, which are off by an ulp or two.
            Assert.True(theirs.Length == ours.Length && theirs.Zip(ours).All(static pair => Math.Abs(pair.First - pair.Second) < 1e-14 * Math.Max(1, Math.Abs(pair.First))), $"{text}: {string.Join(' ', ours)}");
        }

        Assert.Equal(s_others.Count, others);
    }

    [Fact]
    public void Fractions_are_the_nearest_to_what_is_written() =>
        Assert.Equal([0.0, 0.1, 0.2, 0.3, 0.4], NumberRange.Read("GuidanceScale", "0-0.4 (+0.1)", isWhole: false).Cast<double>());

    [Theory]
    [InlineData("5-1", "no values")]
    [InlineData("1-5 (-1)", "no values")]
    [InlineData("1-5 (+0)", "no values")]
    [InlineData("1-5 [0]", "no values")]
    [InlineData("1-5 (+0.5)", "whole numbers")]
    [InlineData("1.5-5", "whole numbers")]
    [InlineData("1-9999999999999999999", "too long")]
    [InlineData("1-9999999999", "more than 1000000")]
    [InlineData("1-5 [99999999]", "more than 1000000")]
    [InlineData("1-999999, 1-999999", "more than 1000000")]
    [InlineData("1-99999999999999999999999999999999999", "too long")]
    public void Ranges_that_cannot_be_are_refused(string text, string reason)
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => NumberRange.Read("Steps", text, isWhole: true));
        Assert.Equal("Steps", error.Setting);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Euler")]
    [InlineData("1-")]
    [InlineData("1-5 (2)")]
    [InlineData("1e-5")]
    public void Other_texts_stay_as_they_are(string text) => Assert.Equal([text], NumberRange.Read("Steps", text, isWhole: true));

    [Fact]
    public void What_costs_most_changes_slowest_and_the_rest_in_the_given_order()
    {
        Sweep sweep = new([new("Steps", [1, 2]), new("Lora", ["a", null]), new("Seed", [7]), new("Model", ["m", "n"]), new("Vae", ["v"])]);

        Assert.Equal(["Model", "Lora", "Vae", "Steps", "Seed"], sweep.Axes.Select(static axis => axis.Name));
        Assert.Equal(
            ["m a v 1 7", "m a v 2 7", "m - v 1 7", "m - v 2 7", "n a v 1 7", "n a v 2 7", "n - v 1 7", "n - v 2 7"],
            sweep.Cells().Select(static cell => string.Join(' ', cell.Select(static value => value ?? "-"))));
    }

    [Fact]
    public void Combinations_are_made_as_they_are_asked_for()
    {
        object?[] many = [.. Enumerable.Range(0, 100_000).Cast<object?>()];
        Sweep sweep = new([.. "ABCDEF".Select(name => new SweepAxis($"{name}", many))]);
        Assert.Equal([0, 0, 0, 0, 1, 1], sweep.Cells().Skip(100_001).First());
    }

    [Fact]
    public void A_text_is_replaced_wherever_it_is_in_the_prompt()
    {
        Assert.Equal("a blue house, blue", Sweep.Replace("a red house, red", "red", "blue"));
        Assert.Null(Sweep.Replace("a Red house", "red", "blue"));
        Assert.Null(Sweep.Replace(null, "red", "blue"));
    }
}
