using StableDiffusion.Onnx;

namespace StableDiffusion.Tests.Onnx;

/// <summary>The number of threads of a run, which follows the processors that the process may use.</summary>
public sealed class ThreadCountTests
{
    private const string Variable = "STABLEDIFFUSION_THREADS";

    [Theory]
    [InlineData(8, 8, false, 0)]
    [InlineData(2, 64, false, 2)]
    [InlineData(2, 64, true, 2)]
    [InlineData(32, 64, true, 0)]
    [InlineData(63, 64, true, 0)]
    [InlineData(4, null, false, 0)]
    public void Fewer_processors_than_the_machine_has_are_that_many_threads(int usable, int? all, bool isPaired, int expected) => Assert.Equal(expected, ThreadCount.Choose(usable, all, isPaired));

    [Theory]
    [InlineData("0\n", 1)]
    [InlineData("0-63\n", 64)]
    [InlineData("0-3,8,10-11", 7)]
    [InlineData("", null)]
    [InlineData("3-1", null)]
    [InlineData("0-1-2", null)]
    public void A_list_of_processors_is_counted(string list, int? expected) => Assert.Equal(expected, ThreadCount.Count(list));

    [Fact]
    public void The_variable_sets_the_number()
    {
        Assert.InRange(ThreadCount.Current, 0, Environment.ProcessorCount);
        Environment.SetEnvironmentVariable(Variable, "3");
        try
        {
            Assert.Equal(3, ThreadCount.Current);
            Environment.SetEnvironmentVariable(Variable, "99999999");
            Assert.Equal(1024, ThreadCount.Current);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }
    }
}
