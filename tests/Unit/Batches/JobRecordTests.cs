using System.Text;
using StableDiffusion.Batches.Jobs;

namespace StableDiffusion.Tests.Batches;

public sealed class JobRecordTests
{
    private static readonly JobRecord s_record = new()
    {
        Backend = JobBackend.Slurm, SlurmId = "1234", Submitted = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(1)), Table = "table.csv", Rows = 3, Images = 12, Count = 4, ArraySize = 2,
    };

    [Fact]
    public void What_is_written_is_read()
    {
        Assert.Equal(s_record, Parse(Encoding.UTF8.GetString(s_record.Format())));
        JobRecord local = s_record with { Backend = JobBackend.Local, SlurmId = null, Count = null };
        Assert.Equal(local, JobRecord.Parse(local.Format(), "job.json"));
    }

    [Theory]
    [InlineData("\"StableDiffusion\"", "\"other\"", "not the record of a job")]
    [InlineData("\"version\": 1", "\"version\": 2", "has the version 2")]
    [InlineData("\"Slurm\"", "\"Moon\"", "where the workers run")]
    [InlineData("\"1234\"", "\"12; rm -rf /\"", "no number of a job")]
    [InlineData("\"1234\"", "\"\"", "no number of a job")]
    [InlineData("\"1234\"", "null", "no number of a job")]
    [InlineData("\"table.csv\"", "\"../../table.csv\"", "does not name the table")]
    [InlineData("\"table.csv\"", "\"\"", "does not name the table")]
    [InlineData("\"rows\": 3", "\"rows\": 0", "'rows'")]
    [InlineData("\"images\": 12", "\"images\": 1e40", "'images'")]
    [InlineData("\"count\": 4", "\"count\": -1", "'count'")]
    [InlineData("\"arraySize\": 2", "\"arraySize\": \"2\"", "'arraySize'")]
    [InlineData("2026", "twenty", "when the job was submitted")]
    [InlineData("{", "[", "cannot be read as JSON")]
    public void A_damaged_one_is_refused(string part, string damage, string reason)
    {
        string json = Encoding.UTF8.GetString(s_record.Format());
        Assert.Contains(part, json, StringComparison.Ordinal);
        JobInvalidException error = Assert.Throws<JobInvalidException>(() => Parse(json.Replace(part, damage, StringComparison.Ordinal)));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    private static JobRecord Parse(string json) => JobRecord.Parse(Encoding.UTF8.GetBytes(json), "job.json");
}
