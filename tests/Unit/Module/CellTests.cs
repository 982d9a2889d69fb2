using System.Management.Automation;
using System.Numerics;
using SdPowerShell.Parameters;

namespace StableDiffusion.Tests.Module;

/// <summary>How the cells of tables are read.</summary>
public sealed class CellTests
{
    public static TheoryData<object, long?> WholeNumbers => new()
    {
        { 3, 3 },
        { (byte)3, 3 },
        { 3L, 3 },
        { ulong.MaxValue, null },
        { 3.0, 3 },
        { 3.5, null },
        { double.NaN, null },
        { 1e20, null },
        { 3f, 3 },
        { 3.00m, 3 },
        { 3.1m, null },
        { new BigInteger(3), 3 },
        { BigInteger.Pow(2, 64), null },
        { " 3 ", 3 },
        { "3.0", 3 },
        { "3.5", null },
        { "3,000", null },
        { "abc", null },
        { "9223372036854775808", null },
        { true, null },
        { 'a', null },
        { DayOfWeek.Friday, null },
        { DateTime.UnixEpoch, null },
    };

    [Theory]
    [MemberData(nameof(WholeNumbers))]
    public void A_whole_number_is_one_whatever_its_type(object given, long? expected)
    {
        Number<long> number = Assert.IsType<Number<long>>(new NumberAttribute<long>().Transform(null!, PSObject.AsPSObject(given)));
        if (expected is not null)
        {
            Assert.Equal(expected, Number.Read(number));
            return;
        }

        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => Number.Read(number));
        Assert.Equal("number", error.Setting);
        Assert.Contains("must be a whole number up to 9223372036854775807", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("7.5", 7.5)]
    [InlineData(7, 7.0)]
    [InlineData(0.5f, 0.5)]
    [InlineData("NaN", double.NaN)]
    public void A_number_may_have_a_fraction(object given, double expected) => Assert.Equal(expected, Number.Read(new Number<double>(given)));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("  ")]
    public void An_empty_cell_is_no_number(string? cell)
    {
        Assert.Null(new NumberAttribute<int>().Transform(null!, cell!));
        Assert.Null(new NumberAttribute<int> { IsList = true }.Transform(null!, cell!));
    }

    [Fact]
    public void A_cell_holds_a_list_between_semicolons()
    {
        Assert.Equal(["style:0.8", "detail:0.5"], Assert.IsType<object?[]>(new ListAttribute().Transform(null!, " style:0.8; detail:0.5 ;")));
        Number<double>[] numbers = Assert.IsType<Number<double>[]>(new NumberAttribute<double> { IsList = true }.Transform(null!, "1; 0.5"));
        Assert.Equal([1, 0.5], Number.Read(numbers)!);
        Assert.Equal([2], Number.Read(Assert.IsType<Number<double>[]>(new NumberAttribute<double> { IsList = true }.Transform(null!, 2)))!);
        string[] array = ["a;b"];
        Assert.Same(array, new ListAttribute().Transform(null!, array));
    }
}
