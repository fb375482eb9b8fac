// Null job: what Apache Flink does between two topics for posts whose networks would answer at once. It parses each post,
// writes an answer with the post's id and as many bytes as asked for, and commits offsets with each checkpoint: the least
// that a job with at-least-once delivery does.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

public final class NullJob {
    /** Milliseconds between checkpoints: as often as the engine of the bench commits. */
    private static final long CHECKPOINTS = 200;

    /** Reads one topic to the end that it has at the start, and writes another. */
    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 5) {
            throw new IllegalArgumentException("NullJob BOOTSTRAP SOURCE TARGET BYTES PARALLELISM");
        }
        String bootstrap = arguments[0];
        var environment = StreamExecutionEnvironment.createLocalEnvironment(Integer.parseInt(arguments[4]));
        environment.enableCheckpointing(CHECKPOINTS);
        environment.getConfig().enableObjectReuse();
        var source = KafkaSource.<String>builder()
            .setBootstrapServers(bootstrap)
            .setTopics(arguments[1])
            .setGroupId("flink")
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new SimpleStringSchema())
            .build();
        var sink = KafkaSink.<String>builder()
            .setBootstrapServers(bootstrap)
            .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
            .setProperty("linger.ms", "5")
            .setRecordSerializer(KafkaRecordSerializationSchema.builder()
                .setTopic(arguments[2])
                .setValueSerializationSchema(new SimpleStringSchema())
                .build())
            .build();
        environment.fromSource(source, WatermarkStrategy.noWatermarks(), "posts")
            .map(new Answer(Integer.parseInt(arguments[3])))
            .sinkTo(sink);
        environment.execute("null");
    }

    /** An answer to each post. */
    private static final class Answer implements MapFunction<String, String> {
        private static final ObjectMapper JSON = new ObjectMapper();
        private final String padding;

        Answer(int bytes) {
            padding = "x".repeat(bytes);
        }

        @Override
        public String map(String post) throws IOException {
            JsonNode read = JSON.readTree(post);
            ObjectNode answer = JSON.createObjectNode();
            answer.put("post_id", read.get("id").asText());
            answer.put("text", read.get("text").asText());
            int rest = Math.max(0, padding.length() - answer.toString().length() - 14);
            return answer.put("padding", padding.substring(0, rest)).toString();
        }
    }
}
